"""Ways a key travels in RTP, as ticks of 20 ms: what a sender puts on the wire. Pure; the same seed gives the same sound.

Between keys there is a faint hiss and no voice, so that whatever is louder than the hiss at the far end is what is left of
a tone, however short. `with speech` lays a recorded voice over the tones instead.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from callseal.audit.tones import tone
from callseal.sandbox.media import prompts
from callseal.wire.dtmf import RedundantBlock, press, redundant
from callseal.wire.g711 import decode_ulaw, encode_alaw, encode_ulaw
from callseal.wire.rtp import PCMA, PCMU

SAMPLES, RATE = 160, 8000
EVENTS, WIDE_EVENTS, REDUNDANCY, NEVER_AGREED = 101, 102, 103, 97
"""Payload types: events at 8 and 16 kHz, RFC 2198, and one that no SDP names."""
HISS_RMS = 12
LOUD, USUAL, FAINT = 30_000, 8_000, 300
"""Amplitudes: 3, 14 and 43 dB below full scale."""


@dataclass(frozen=True, slots=True)
class Out:
    """One packet of a tick; `since` is how much older its timestamp is than the tick's."""

    payload_type: int
    payload: bytes
    since: int = 0
    marker: bool = False


Tick = tuple[Out, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to press: for how long, how loud, in which form."""

    name: str
    kind: str
    ms: int = 100
    gap_ms: int = 80
    amplitude: int = USUAL
    payload_type: int = EVENTS

    @property
    def audible(self) -> bool:
        """Whether there is a tone in the audio itself."""
        return self.kind in ("tone", "speech", "both", "fragment")


WAYS = (
    Way("RFC 4733", "events"),
    Way("RFC 4733, 16 kHz clock", "events", payload_type=WIDE_EVENTS),
    Way("RFC 4733 in RFC 2198", "redundant"),
    Way("RFC 4733, type never agreed", "events", payload_type=NEVER_AGREED),
    Way("in-band, 40 ms", "tone", ms=40),
    Way("in-band, 100 ms", "tone"),
    Way("in-band, 300 ms", "tone", ms=300),
    Way("in-band, loud", "tone", amplitude=LOUD),
    Way("in-band, faint", "tone", amplitude=FAINT),
    Way("in-band with speech", "speech"),
    Way("in-band and RFC 4733", "both"),
    Way("RFC 4733 after a fragment", "fragment"),
)


def pressed(
    way: Way, keys: Sequence[str], chance: random.Random, *, payload_type: int = PCMU
) -> Iterator[Tick]:
    """All ticks of these keys pressed that way, each with its gap after it."""
    earlier: bytes = b""
    for key in keys:
        yield from _key(way, key, chance, payload_type, earlier)
        earlier = bytes(list(press(key, duration=way.ms * 8))[-1])


def pressed_tones(keys: str, ms: int = 100, gap_ms: int = 100) -> list[bytes]:
    """PCMU payloads of 20 ms: clean tones with silence after each."""
    audio: array[int] = array("h")
    for key in keys:
        audio.extend(tone(key, ms))
        audio.extend([0] * (8 * gap_ms))
    return [encode_ulaw(audio[at : at + SAMPLES]) for at in range(0, len(audio), SAMPLES)]


def hiss(ticks: int, chance: random.Random, *, payload_type: int = PCMU) -> Iterator[Tick]:
    """So many ticks of an open line."""
    for _ in range(ticks):
        yield (Out(payload_type, _coded(payload_type, hissing(SAMPLES, chance))),)


def talk(ticks: int, start: int, *, payload_type: int = PCMU) -> Iterator[Tick]:
    """So many ticks of a recorded voice."""
    for at in range(start, start + ticks):
        yield (Out(payload_type, _coded(payload_type, voice(at * SAMPLES, SAMPLES))),)


def _key(way: Way, key: str, chance: random.Random, codec: int, earlier: bytes) -> Iterator[Tick]:
    length = (way.ms + way.gap_ms) * 8 // SAMPLES * SAMPLES
    # A key does not begin where a packet begins.
    lead = chance.randrange(SAMPLES)
    audio = hissing(length + SAMPLES, chance)
    if way.audible:
        ms = 25 if way.kind == "fragment" else way.ms
        for at, sample in enumerate(_tone(key, ms, way.amplitude), lead):
            audio[at] = max(-32768, min(32767, audio[at] + sample))
    if way.kind == "speech":
        start = chance.randrange(200) * SAMPLES
        for at, sample in enumerate(voice(start, len(audio))):
            audio[at] = max(-32768, min(32767, audio[at] + sample // 4))
    frames = [_coded(codec, audio[at : at + SAMPLES]) for at in range(0, len(audio), SAMPLES)]
    if way.kind in ("tone", "speech"):
        yield from ((Out(codec, frame),) for frame in frames)
        return
    events = list(_events(way, key, earlier, len(frames) * SAMPLES))
    for at, frame in enumerate(frames):
        first = 2 if way.kind == "fragment" else 0
        event = events[at - first] if 0 <= at - first < len(events) else None
        if event is None:
            yield (Out(codec, frame),)
        elif way.kind == "both":
            yield (Out(codec, frame), event)
        else:
            yield (event,)


def _events(way: Way, key: str, earlier: bytes, since: int) -> Iterator[Out]:
    """`earlier` is the last report of the key before, which began `since` units before this one."""
    rate = 2 if way.payload_type == WIDE_EVENTS else 1
    for at, event in enumerate(press(key, duration=way.ms * 8 * rate, step=SAMPLES * rate)):
        payload, payload_type = bytes(event), way.payload_type
        if way.kind == "redundant":
            # RFC 4733 section 2.5.1.4: events that are over are repeated beside the one that goes on.
            before = (RedundantBlock(EVENTS, since, earlier),) if earlier else ()
            payload = redundant((*before, RedundantBlock(EVENTS, 0, payload)))
            payload_type = REDUNDANCY
        yield Out(payload_type, payload, since=at * SAMPLES, marker=at == 0)


def _coded(codec: int, samples: Sequence[int]) -> bytes:
    return encode_alaw(samples) if codec == PCMA else encode_ulaw(samples)


def hissing(samples: int, chance: random.Random) -> array[int]:
    """An open line with nobody speaking."""
    noise, start = _noise(), chance.randrange(RATE)
    return (noise * (samples // len(noise) + 2))[start : start + samples]


@cache
def _noise() -> array[int]:
    """A second of it; where one begins in it is chance."""
    chance = random.Random(4711)
    return array("h", (round(chance.gauss(0, HISS_RMS)) for _ in range(RATE)))


@cache
def _tone(key: str, ms: int, amplitude: int) -> array[int]:
    return tone(key, ms, amplitude=amplitude)


@cache
def _recording() -> array[int]:
    return array("h", (sample for each in prompts.load().values() for sample in decode_ulaw(each)))


def voice(start: int, samples: int) -> array[int]:
    """A recorded voice, from that sample on (it begins anew at its end)."""
    recording = _recording()
    start %= len(recording) - samples
    return recording[start : start + samples]
