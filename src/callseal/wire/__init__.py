"""Codecs only: rtp, dtmf, g711, sdp, ng. Pure."""
