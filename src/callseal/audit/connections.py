"""TCP of a capture: every connection is listened to until it is known whether it speaks SIP. Memory is bounded."""

from __future__ import annotations

from collections.abc import Iterator

from callseal.wire.ip import Packet
from callseal.wire.sip_stream import SipStream

MOST_CONNECTIONS = 5_000
"""Directions of connections at a time."""

Message = tuple[float, str, str, bytes]
"""When it passed, source, destination, the SIP message."""


class Connections:
    """Feed it with segments. `lost` counts gaps in SIP, `encrypted` directions that speak TLS, `websockets` those of RFC 7118."""

    def __init__(self) -> None:
        self._streams: dict[tuple[str, str], SipStream] = {}
        self._gone = [0, 0, 0]

    def feed(self, at: float, packet: Packet) -> Iterator[Message]:
        """Messages that became whole with this segment."""
        name = (packet.source, packet.destination)
        stream = self._streams.get(name)
        if stream is None:
            if not packet.payload and not packet.opens:
                return
            if len(self._streams) >= MOST_CONNECTIONS:
                oldest = next(iter(self._streams))
                yield from self._drain(oldest)
                self._gone = list(self._counts(self._streams.pop(oldest)))
            stream = self._streams[name] = SipStream()
        for when, message in stream.feed(at, packet.sequence, packet.payload, opens=packet.opens):
            yield when, *name, message

    def drain(self) -> Iterator[Message]:
        """The capture has ended."""
        for name in self._streams:
            yield from self._drain(name)

    @property
    def counts(self) -> dict[str, int]:
        totals = self._gone
        for stream in self._streams.values():
            totals = list(self._counts(stream, totals))
        return dict(zip(("sip_gaps", "tls_connections", "websockets"), totals, strict=True))

    def _drain(self, name: tuple[str, str]) -> Iterator[Message]:
        for when, message in self._streams[name].drain():
            yield when, *name, message

    def _counts(self, stream: SipStream, before: list[int] | None = None) -> tuple[int, int, int]:
        lost, encrypted, websockets = self._gone if before is None else before
        return lost + stream.lost * stream.known, encrypted + stream.encrypted, websockets + stream.websocket
