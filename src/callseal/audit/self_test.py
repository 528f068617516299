"""Does the observer work? A canary digit is put into a copy of the audited stream, in every encoding, and must be found.

"Nothing was heard" is evidence only of an ear that hears. For each codec of the judged streams a copy of the stream's own packets gets

- a telephone-event with the payload type of the negotiation, and one with a type that nobody negotiated;
- a tone at the faintest level claimed (`CLAIM_DBM0`, 60 ms, the stream silenced around it), encoded again with the stream's codec;
- the same tone over the stream's own sound, at falling levels: how far under is reported, not demanded;

and the reader of signalling gets a SIP INFO. One canary not found, or another key found, and the verdict says "no evidence".
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from callseal.audit.codecs import CLOCKS, DECODABLE, STATIC, Floats, decoder, encode
from callseal.audit.heard import Method
from callseal.audit.rtp_stream import RtpStream
from callseal.audit.signalling import Signalling
from callseal.audit.tone_sound import LAYOUT, RATE, level_dbm0, tone_samples
from callseal.wire import rtp
from callseal.wire.dtmf import press

CLAIM_DBM0 = -48.0
"""The faintest level claimed, both frequencies together."""
CANARY_MS = 60
COVERED_MS = 120
OVER_SOUND_DB = (12, 6, 3, 0)
SECONDS = 3.0
UNNEGOTIATED = 115


@dataclass(frozen=True, slots=True)
class CodecTest:
    """What was found with one codec; `over_sound_db` is the lowest level over the stream's own sound that was heard, None: none."""

    codec: str
    event: bool
    unnegotiated_event: bool
    tone: bool
    over_sound_db: int | None

    @property
    def passed(self) -> bool:
        return self.event and self.unnegotiated_event and self.tone


@dataclass(frozen=True, slots=True)
class SelfTest:
    """`codecs` is empty when no judged stream could be decoded; `on_silence`: no packets of the stream itself were kept for it."""

    info: bool
    codecs: tuple[CodecTest, ...] = field(default=())
    on_silence: bool = False

    @property
    def passed(self) -> bool:
        return self.info and bool(self.codecs) and all(one.passed for one in self.codecs)


def self_test(
    streams: Sequence[RtpStream], codec_of: Callable[[str, str, int], str], seed: bytes
) -> SelfTest:
    """Tests each codec of `streams` once. The canary key comes from `seed`, so that a repeated audit says the same."""
    key = LAYOUT[seed[0] % len(LAYOUT)] if seed else "5"
    done: dict[str, CodecTest] = {}
    on_silence = False
    for stream in streams:
        for codec in stream.codecs:
            if codec not in DECODABLE or codec in done:
                continue
            types = _types(codec, stream, codec_of)
            if stream.sample:
                done[codec] = _codec_test(codec, types, _own_audio(codec, stream, types), key)
            else:
                done[codec], on_silence = _silence_test(codec, types, key), True
    return SelfTest(_info_test(key), tuple(done[codec] for codec in sorted(done)), on_silence)


Types = tuple[tuple[int, str], ...]
"""Payload types of a stream and their codecs."""


def _types(codec: str, stream: RtpStream, codec_of: Callable[[str, str, int], str]) -> Types:
    """As they were negotiated, or as they stand by themselves; the codec has one in any case."""
    found = {
        kind: name
        for kind in range(128)
        if (name := codec_of(stream.source, stream.destination, kind) or STATIC.get(kind, ""))
    }
    if codec not in found.values():
        found[96] = codec
    return tuple(found.items())


@lru_cache(maxsize=64)
def _silence_test(codec: str, types: Types, key: str) -> CodecTest:
    return _codec_test(codec, types, np.zeros(int(SECONDS * RATE), dtype=np.float32), key)


def _codec_test(codec: str, types: Types, audio: Floats, key: str) -> CodecTest:
    def named(_source: str, _destination: str, number: int) -> str:
        return known.get(number, "")

    known = dict(types)
    kind = next(number for number, name in types if name == codec)
    event_type = next(
        (number for number, name in types if name == "TELEPHONE-EVENT" and number >= rtp.FIRST_DYNAMIC), 101
    )
    silenced = audio.copy()
    middle = len(audio) // 2
    tone = tone_samples(key, CANARY_MS, dbm0=CLAIM_DBM0)
    silenced[middle - RATE // 10 : middle + RATE // 5] = 0
    silenced[middle : middle + len(tone)] += tone
    plain = _heard(codec, kind, audio, named)
    events = {
        offered: _canaries(_heard(codec, kind, audio, named, event=(offered, key)), plain, Method.EVENT, key)
        for offered in (event_type, UNNEGOTIATED)
    }
    over = None
    for level in OVER_SOUND_DB:
        louder = _over(audio, key, level)
        if not _canaries(_heard(codec, kind, louder, named), plain, Method.TONE, key):
            break
        over = level
    return CodecTest(
        codec,
        event=events[event_type],
        unnegotiated_event=events[UNNEGOTIATED],
        tone=_canaries(
            _heard(codec, kind, silenced, named), _heard(codec, kind, _muted(audio), named), Method.TONE, key
        ),
        over_sound_db=over,
    )


def _own_audio(codec: str, stream: RtpStream, types: Types) -> Floats:
    """Audio of the stream's beginning, filled up with silence."""
    kinds = {number for number, name in types if name == codec}
    payloads = []
    for packet in stream.sample:
        try:
            parsed = rtp.RtpPacket.parse(packet)
        except ValueError:
            continue
        if parsed.payload_type in kinds and len(parsed.payload) > 4:
            payloads.append(parsed.payload)
    audio = decoder(codec).decode(payloads) if payloads else np.zeros(0, dtype=np.float32)
    size = int(SECONDS * RATE)
    return np.pad(audio[:size], (0, max(size - len(audio), 0)))


def _muted(audio: Floats) -> Floats:
    middle = len(audio) // 2
    muted = audio.copy()
    muted[middle - RATE // 10 : middle + RATE // 5] = 0
    return muted


def _over(audio: Floats, key: str, level: int) -> Floats:
    """The canary on the loudest stretch of the stream, `level` dB over it; on silence 12 dB over the claim."""
    tone = tone_samples(key, COVERED_MS, dbm0=0.0)
    size = len(tone)
    steps = range(RATE // 2, len(audio) - size - RATE // 2, size)
    at = max(steps, key=lambda one: float((audio[one : one + size] ** 2).sum()))
    sound = level_dbm0(float((audio[at : at + size] ** 2).mean()))
    loud = min(max(sound + level, CLAIM_DBM0 + 12), 0.0)
    mixed = audio.copy()
    mixed[at : at + size] += tone * 10 ** (loud / 20)
    return mixed


def _heard(
    codec: str,
    kind: int,
    audio: Floats,
    named: Callable[[str, str, int], str],
    event: tuple[int, str] | None = None,
) -> list[tuple[Method, str]]:
    """Audio (and an event in its middle) through the very reader that read the capture."""
    stream = RtpStream(
        "192.0.2.1:9",
        "192.0.2.2:9",
        1,
        0.0,
        lambda source, destination, number: codec if number == kind else named(source, destination, number),
    )
    payloads = encode(codec, audio)
    step = CLOCKS[codec] // 50
    sequence = 0
    for number, payload in enumerate(payloads):
        if event is not None and number == len(payloads) // 2:
            for one in press(event[1], duration=8 * step, step=step):
                stream.add(number / 50, _packet(event[0], sequence, number * step, bytes(one)))
                sequence += 1
        stream.add(number / 50, _packet(kind, sequence, number * step, payload))
        sequence += 1
    stream.flush(final=True)
    return [(digit.method, digit.key) for digit in stream.digits]


def _canaries(
    found: list[tuple[Method, str]], before: list[tuple[Method, str]], method: Method, key: str
) -> bool:
    """Whether exactly one key came on top of what was there, by this method, and it is the canary."""
    rest = list(found)
    for one in before:
        if one in rest:
            rest.remove(one)
    return rest == [(method, key)]


def _packet(kind: int, sequence: int, timestamp: int, payload: bytes) -> bytes:
    return struct.pack("!BBHII", 0x80, kind, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, 1) + payload


def _info_test(key: str) -> bool:
    """A SIP INFO through the reader of signalling."""
    signalling = Signalling()
    body = f"Signal={key}\r\nDuration=100\r\n"
    head = "Call-ID: canary\r\nFrom: <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:b@192.0.2.2>;tag=2\r\n"
    signalling.feed(
        0.0,
        "192.0.2.1:5060",
        "192.0.2.2:5060",
        f"INVITE sip:b SIP/2.0\r\n{head}CSeq: 1 INVITE\r\n\r\n".encode(),
    )
    signalling.feed(
        1.0,
        "192.0.2.1:5060",
        "192.0.2.2:5060",
        f"INFO sip:b SIP/2.0\r\n{head}CSeq: 2 INFO\r\nContent-Type: application/dtmf-relay\r\n\r\n{body}".encode(),
    )
    return [one.digit.key for one in signalling.dialogs["canary"].digits] == [key]
