"""Keys in the bodies of SIP messages. Pure; what is found is given to the caller and to nobody else."""

from __future__ import annotations

import re
from collections.abc import Iterator

from callseal.wire.dtmf import InfoKey

_KPML = re.compile(rb"""\bdigits\s*=\s*["']([0-9A-D*#]{1,64})["']""", re.IGNORECASE)
_SIGNAL = re.compile(rb"(?im)^\s*signal\s*=\s*([0-9a-d*#]{1,2})\s*$")
UNREADABLE = "?"
"""Stands for a key that was there and could not be read: it is counted, and equals nothing."""


def keys_in_body(content_type: str, body: bytes) -> Iterator[str]:
    """Keys in the body of a SIP request: INFO (dtmf-relay, dtmf), KPML reports (RFC 4730), and both inside multipart."""
    try:
        found = InfoKey.parse(content_type, body)
    except ValueError:
        yield UNREADABLE
        return
    if found is not None:
        yield found.key
        return
    # Inside multipart bodies, and RFC 4730 (KPML) reports.
    for signal in _SIGNAL.findall(body):
        yield {b"10": "*", b"11": "#"}.get(signal, signal.decode().upper())
    if b"kpml" in body or "kpml" in content_type.lower():
        for digits in _KPML.findall(body):
            yield from digits.decode().upper()
