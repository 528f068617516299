"""Hears telephone-events under payload types that no SDP names, plain (RFC 4733) or redundant (RFC 2198). Pure.

rtpengine tells the events of the types that were agreed (`digit_feed`) and forwards the others unread. They reach the insert, go
no further, and are pressed keys all the same.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from callseal.wire.dtmf import KEYS, TelephoneEvent, parse_redundant
from callseal.wire.rtp import FIRST_DYNAMIC, RtpPacket

_REMEMBERED = 16
"""Events of which late packets may still come; the oldest is forgotten first."""


class EventReceiver:
    """Packets in, keys out; each press once, at its end or when the next one begins."""

    def __init__(self) -> None:
        self._told: OrderedDict[tuple[int, int], bool] = OrderedDict()

    def take(self, packet: RtpPacket) -> list[str]:
        """The keys that this packet ends."""
        keys: list[str] = []
        for timestamp, event in _events(packet):
            name = (timestamp, event.event)
            if name not in self._told:
                keys += self._end_of_others()
                self._told[name] = False
            if event.end and not self._told[name]:
                self._told[name] = True
                keys.append(KEYS[event.event])
        while len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        return keys

    def _end_of_others(self) -> Iterator[str]:
        """All packets with the end bit were lost."""
        for name, told in self._told.items():
            if not told:
                self._told[name] = True
                yield KEYS[name[1]]


def _events(packet: RtpPacket) -> Iterator[tuple[int, TelephoneEvent]]:
    if packet.payload_type < FIRST_DYNAMIC:
        return
    if len(packet.payload) == 4:
        yield from _keys(packet.timestamp, packet.payload)
        return
    if not packet.payload or not packet.payload[0] & 0x80:
        return
    try:
        blocks = parse_redundant(packet.payload)
    except ValueError:
        return
    for block in blocks:
        if len(block.payload) == 4:
            yield from _keys(packet.timestamp - block.offset & 0xFFFFFFFF, block.payload)


def _keys(timestamp: int, payload: bytes) -> Iterator[tuple[int, TelephoneEvent]]:
    event = TelephoneEvent.parse(payload)
    if event.key is not None and not event.reserved:
        yield timestamp, event
