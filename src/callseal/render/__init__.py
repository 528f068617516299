"""Deployment -> data files of Kamailio and rtpengine."""
