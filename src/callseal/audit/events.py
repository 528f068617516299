"""Telephone-events in RTP (RFC 4733), plain or redundant (RFC 2198), under whatever payload type they come. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from callseal.wire import rtp
from callseal.wire.dtmf import KEYS, TelephoneEvent, parse_redundant

LONGEST_EVENT_PAYLOAD = 16
MOST_REMEMBERED = 256
"""Presses of one stream that are remembered, so that a repeat is not a second press."""


def events_of(packet: rtp.RtpPacket) -> Iterator[tuple[int, TelephoneEvent]]:
    """(timestamp, event) of whatever in the packet has the shape of keys."""
    yield from events_in(packet.payload_type, packet.timestamp, packet.payload)


def events_in(
    payload_type: int, timestamp: int, payload: bytes, *, redundant: bool = True
) -> Iterator[tuple[int, TelephoneEvent]]:
    """The same of a payload; `redundant` False: RFC 2198 is not looked for."""
    plain = list(_shaped(payload))
    if plain:
        yield from ((timestamp, event) for event in plain)
        return
    if not redundant or payload_type < rtp.FIRST_DYNAMIC or not payload or not payload[0] & 0x80:
        return
    try:
        blocks = parse_redundant(payload)
    except ValueError:
        return
    for block in blocks:
        yield from ((timestamp - block.offset & 0xFFFFFFFF, event) for event in _shaped(block.payload))


def _shaped(payload: bytes) -> Iterator[TelephoneEvent]:
    if not 0 < len(payload) <= LONGEST_EVENT_PAYLOAD or len(payload) % 4:
        return
    events = TelephoneEvent.parse_all(payload)
    if all(event.event < len(KEYS) and not event.reserved for event in events):
        yield from events


class Presses:
    """What is remembered of the events of one stream: which packet begins a press."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, int], bool] = {}

    def begins(self, timestamp: int, event: TelephoneEvent) -> bool:
        """Whether this packet begins a press. Its updates and repeats have the timestamp of the first (RFC 4733 2.5.1.2).

        Some senders move the timestamp with every packet; theirs belong together until the E bit, when close in time.
        """
        if (timestamp, event.event) in self._seen:
            self._seen[timestamp, event.event] |= event.end
            return False
        last = next(reversed(self._seen), None)
        self._seen[timestamp, event.event] = event.end
        if len(self._seen) > MOST_REMEMBERED:
            del self._seen[next(iter(self._seen))]
        if last is None or last[1] != event.event or event.duration == 0:
            return True
        going_on = not self._seen[last] and 0 < (timestamp - last[0] & 0xFFFFFFFF) <= event.duration
        return not going_on
