"""Datagrams in, keys out: everything that could carry a digit to a phone, decoded as generously as possible. Pure.

An honest receiver believes the SDP. This one does not: it looks for telephone-events under *every* payload type,
negotiated or not, and for tones in everything it can decode, because a leak does not announce itself.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from callseal.audit.body_keys import UNREADABLE, keys_in_body
from callseal.audit.events import Presses, events_of
from callseal.audit.heard import Key, Method, Talker
from callseal.audit.tones import ToneDetector
from callseal.wire import rtp
from callseal.wire.g711 import decode_alaw, decode_ulaw, samples_of

LOUD_RMS = 60
"""RMS of a frame above which somebody can be said to be heard; comfort noise and G.711's idle code are below."""
_SILENT = frozenset({13, 19})  # comfort noise, RFC 3389
_DECODERS: dict[int, Callable[[bytes], array[int]]] = {rtp.PCMU: decode_ulaw, rtp.PCMA: decode_alaw}
_SIP = re.compile(rb"^(?:[A-Z]{3,10} [^\r\n]+ SIP/2\.0|SIP/2\.0 \d{3} [^\r\n]*)\r\n")


@dataclass(slots=True)
class _Stream:
    """What is remembered of one RTP source, so that a retransmission is not a second press."""

    detector: ToneDetector = field(default_factory=ToneDetector)
    last_sequence: int | None = None
    presses: Presses = field(default_factory=Presses)


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
            for timestamp, event in events_of(packet)
            if stream.presses.begins(timestamp, event)
        ]
        if pressed or any(True for _ in events_of(packet)):
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
        keys = list(keys_in_body(_header(head, b"Content-Type", b"c").decode("ascii", "replace"), body))
        message = (source, _header(head, b"Call-ID", b"i"), _header(head, b"CSeq"))
        if keys and message not in self._messages:
            self._messages.add(message)
            yield from keys


def _header(head: bytes, *names: bytes) -> bytes:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() in {one.lower() for one in names}:
            return value.strip()
    return b""
