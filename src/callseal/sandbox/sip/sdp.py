"""The little of SDP that a B2BUA must understand: whose session it is (o=) and where media goes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from callseal.wire.sdp import SessionDescription

_ORIGIN = re.compile(r"(?m)^o=(\S+) (\d+) (\d+) (\S+ \S+ \S+)\r?$")


@dataclass(frozen=True, slots=True)
class Origin:
    """RFC 8866, 5.2."""

    username: str
    session: str
    version: int
    address: str


def origin(sdp: str) -> Origin | None:
    """The o= line, or None when there is none that can be read."""
    match = _ORIGIN.search(sdp)
    return Origin(match[1], match[2], int(match[3]), match[4]) if match else None


def with_origin(sdp: str, new: Origin) -> str:
    line = f"o={new.username} {new.session} {new.version} {new.address}"
    return _ORIGIN.sub(lambda match: line + ("\r" if match[0].endswith("\r") else ""), sdp, count=1)


def streams(sdp: str) -> tuple[tuple[str, int, tuple[str, ...]], ...]:
    """(address, port, keys) of every media section, `a=crypto` as it stands: what the other side must be told when it changes.

    Empty for a text that is no SDP.
    """
    try:
        sections = SessionDescription.parse(sdp).media
    except ValueError:
        return ()
    return tuple((media.address, media.port, media.attributes("crypto")) for media in sections)


_FACING = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}


def facing(answer: str, offer: str) -> str:
    """`answer` with the direction that RFC 3264, 6.1, allows to `offer`: who is put on hold may not send."""
    heard = SessionDescription.parse(offer).audio
    wanted = _FACING.get(heard.direction) if heard is not None else None
    if wanted is None:
        return answer
    return re.sub(r"(?m)^a=(?:sendrecv|sendonly|recvonly|inactive)(\r?)$", rf"a={wanted}\1", answer)


class OneSession:
    """Keeps what we send on one dialog one SDP session (RFC 3264, section 8).

    In the normal state SDP passes untouched, with the far end's o= line. Once we put an SDP of our own in between, the
    version the peer last saw is ours to count: same session, greater version whenever anything changed.
    """

    def __init__(self) -> None:
        self._sent: Origin | None = None
        self._content = ""

    def stamp(self, sdp: str) -> str:
        """`sdp` as it may be sent now; the same text back when its own o= line already says the right thing."""
        wanted = origin(sdp)
        if wanted is None:
            return sdp
        content = _ORIGIN.sub("", sdp, count=1)
        if self._sent is None:
            self._sent, self._content = wanted, content
            return sdp
        changed = content != self._content
        same_session = replace(wanted, version=0) == replace(self._sent, version=0)
        fits = same_session and (
            wanted.version > self._sent.version if changed else wanted.version >= self._sent.version
        )
        if not fits:
            wanted = replace(self._sent, version=self._sent.version + int(changed))
        self._sent, self._content = wanted, content
        return with_origin(sdp, wanted)
