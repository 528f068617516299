"""Datagrams in, keys out: everything that could carry a digit to a phone, decoded as generously as possible. Pure.

An honest receiver believes the SDP. This one does not: it looks for telephone-events under *every* payload type,
negotiated or not, and for tones in everything it can decode, because a leak does not announce itself.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from callseal.audit.heard import Key, Method, Talker
from callseal.audit.tones import ToneDetector
from callseal.wire import rtp
from callseal.wire.dtmf import KEYS, InfoKey, TelephoneEvent, parse_redundant
from callseal.wire.g711 import decode_alaw, decode_ulaw, samples_of

LOUD_RMS = 60
"""RMS of a frame above which somebody can be said to be heard; comfort noise and G.711's idle code are below."""
LONGEST_EVENT_PAYLOAD = 16
_SILENT = frozenset({13, 19})  # comfort noise, RFC 3389
_DECODERS: dict[int, Callable[[bytes], array[int]]] = {rtp.PCMU: decode_ulaw, rtp.PCMA: decode_alaw}
_SIP = re.compile(rb"^(?:[A-Z]{3,10} [^\r\n]+ SIP/2\.0|SIP/2\.0 \d{3} [^\r\n]*)\r\n")
_KPML = re.compile(rb"""\bdigits\s*=\s*["']([0-9A-D*#]{1,64})["']""", re.IGNORECASE)
_SIGNAL = re.compile(rb"(?im)^\s*signal\s*=\s*([0-9a-d*#]{1,2})\s*$")
UNREADABLE = "?"
"""Stands for a key that was there and could not be read: it is counted, and equals nothing."""


@dataclass(slots=True)
class _Stream:
    """What is remembered of one RTP source, so that a retransmission is not a second press."""

    detector: ToneDetector = field(default_factory=ToneDetector)
    last_sequence: int | None = None
    events: dict[tuple[int, int], bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Received:
    """One datagram, understood. `media` False: it was SIP or nothing we know."""

    talker: Talker
    keys: tuple[Key, ...] = ()
    media: bool = False
    loud: bool = False
    deaf: bool = False


class Receiver:
    """Decodes what arrives at one address. `at` is seconds of any one clock."""

    def __init__(self) -> None:
        self._streams: dict[Talker, _Stream] = {}
        self._messages: set[tuple[str, bytes, bytes]] = set()

    def datagram(self, at: float, source: str, data: bytes) -> Received | None:
        """One UDP payload from `source` (`address:port`); None for RTCP and what is neither SIP nor RTP."""
        if _SIP.match(data):
            talker = Talker(source)
            return Received(
                talker, tuple(Key(at, Method.INFO, talker, key) for key in self._sip(source, data))
            )
        if rtp.is_rtcp(data):
            return None
        try:
            packet = rtp.RtpPacket.parse(data)
        except ValueError:
            return None
        return self._rtp(at, Talker(source, packet.ssrc), packet)

    def pcm(self, at: float, source: str, data: bytes) -> Received:
        """One frame of 16-bit little-endian audio at 8 kHz, as a phone played it."""
        return self._audio(at, Talker(source), samples_of(data))

    # -- media -------------------------------------------------------------------------------------------------

    def _rtp(self, at: float, talker: Talker, packet: rtp.RtpPacket) -> Received:
        stream = self._streams.setdefault(talker, _Stream())
        pressed = [
            Key(at, Method.EVENT, talker, event.key or UNREADABLE)
            for timestamp, event in _events(packet)
            if _is_new(stream, timestamp, event)
        ]
        if pressed or any(True for _ in _events(packet)):
            return Received(talker, tuple(pressed), media=True)
        decode = _DECODERS.get(packet.payload_type)
        if decode is None:
            return Received(
                talker, media=True, deaf=packet.payload_type not in _SILENT and bool(packet.payload)
            )
        if stream.last_sequence == packet.sequence:
            return Received(talker, media=True)
        stream.last_sequence = packet.sequence
        return self._audio(at, talker, decode(packet.payload))

    def _audio(self, at: float, talker: Talker, samples: array[int]) -> Received:
        stream = self._streams.setdefault(talker, _Stream())
        keys = tuple(Key(at, Method.TONE, talker, tone.key) for tone in stream.detector.hear(samples))
        energy = sum(sample * sample for sample in samples)
        return Received(talker, keys, media=True, loud=energy > LOUD_RMS * LOUD_RMS * max(1, len(samples)))

    # -- signalling --------------------------------------------------------------------------------------------

    def _sip(self, source: str, data: bytes) -> Iterator[str]:
        """Keys in the body of a request. A retransmission (same Call-ID and CSeq) counts once."""
        head, _, body = data.partition(b"\r\n\r\n")
        if not body or data.startswith(b"SIP/2.0 "):
            return
        keys = list(_body_keys(_header(head, b"Content-Type", b"c").decode("ascii", "replace"), body))
        message = (source, _header(head, b"Call-ID", b"i"), _header(head, b"CSeq"))
        if keys and message not in self._messages:
            self._messages.add(message)
            yield from keys


def _events(packet: rtp.RtpPacket) -> Iterator[tuple[int, TelephoneEvent]]:
    """(timestamp, event) of whatever in the packet has the shape of keys, plain or redundant."""
    plain = list(_shaped(packet.payload))
    if plain:
        yield from ((packet.timestamp, event) for event in plain)
        return
    if packet.payload_type < rtp.FIRST_DYNAMIC or not packet.payload or not packet.payload[0] & 0x80:
        return
    try:
        blocks = parse_redundant(packet.payload)
    except ValueError:
        return
    for block in blocks:
        yield from ((packet.timestamp - block.offset & 0xFFFFFFFF, event) for event in _shaped(block.payload))


def _shaped(payload: bytes) -> Iterator[TelephoneEvent]:
    if not 0 < len(payload) <= LONGEST_EVENT_PAYLOAD or len(payload) % 4:
        return
    events = TelephoneEvent.parse_all(payload)
    if all(event.event < len(KEYS) and not event.reserved for event in events):
        yield from events


def _is_new(stream: _Stream, timestamp: int, event: TelephoneEvent) -> bool:
    """Whether this packet begins a press. Its updates and repeats have the timestamp of the first (RFC 4733 2.5.1.2).

    Some senders move the timestamp with every packet; theirs belong together until the E bit, when close in time.
    """
    if (timestamp, event.event) in stream.events:
        stream.events[timestamp, event.event] |= event.end
        return False
    last = next(reversed(stream.events), None)
    stream.events[timestamp, event.event] = event.end
    if last is None or last[1] != event.event or event.duration == 0:
        return True
    going_on = not stream.events[last] and 0 < (timestamp - last[0] & 0xFFFFFFFF) <= event.duration
    return not going_on


def _header(head: bytes, *names: bytes) -> bytes:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() in {one.lower() for one in names}:
            return value.strip()
    return b""


def _body_keys(content_type: str, body: bytes) -> Iterator[str]:
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
