"""Puts the configured telephone-event payload type into an SDP of ours."""

from __future__ import annotations

import re

_RTPMAP = re.compile(r"^a=rtpmap:(\d+) telephone-event/", re.MULTILINE)


def with_event_payload_type(sdp: str, payload_type: int) -> str:
    """The same SDP with telephone-event (RFC 4733) under another payload type; unchanged when there is none.

    PJSIP compiles its number in (120), and the far end of a real trunk expects 101. Raises `ValueError` when the number is taken.
    """
    found = _RTPMAP.search(sdp)
    if found is None or int(found[1]) == payload_type:
        return sdp
    old = found[1]
    if re.search(rf"^a=rtpmap:{payload_type} ", sdp, re.MULTILINE):
        raise ValueError(f"payload type {payload_type} is taken")
    sdp = re.sub(rf"^(a=(?:rtpmap|fmtp):){old} ", rf"\g<1>{payload_type} ", sdp, flags=re.MULTILINE)
    return re.sub(rf"^(m=audio .*?)\b{old}(?=\s|$)", rf"\g<1>{payload_type}", sdp, flags=re.MULTILINE)
