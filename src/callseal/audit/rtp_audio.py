"""The sound of one RTP stream: packets in order are decoded, gaps filled with silence, and tones looked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from callseal.audit.codecs import CLOCKS, Decoder, decoder
from callseal.audit.gauge import Gauge
from callseal.audit.tone_scan import PIECE, ToneHeard, ToneScanner
from callseal.audit.tone_sound import RATE, Floats

LONGEST_FILL_S = 0.5
"""A gap in the timestamps up to here is filled with silence; a longer one is a new beginning."""
FEW = 4
MOST_MARKS = 64

Sounding = tuple[float, int, bytes]
"""Capture time, RTP timestamp, payload."""


@dataclass(slots=True)
class _Codec:
    """What the decoder of one codec remembers."""

    decoder: Decoder
    scanner: ToneScanner = field(default_factory=ToneScanner)
    fed: int = 0
    """Samples given to the scanner."""
    marks: list[tuple[int, float]] = field(default_factory=list)
    """(sample, capture time), a few lately."""
    expected: int | None = None
    """RTP timestamp of the next packet."""


class Audio:
    """Listens to stretches of packets; loudness goes to `gauge`, what sounds like a key comes back with its capture time."""

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge
        self._codecs: dict[str, _Codec] = {}

    def hear(self, name: str, stretch: Sequence[Sounding]) -> Iterator[tuple[float, ToneHeard]]:
        """Packets of one codec that can be decoded, in order."""
        codec = self._codecs.get(name)
        if codec is None:
            codec = self._codecs[name] = _Codec(decoder(name))
        clock = CLOCKS[name]
        begin = 0
        for index, (_, timestamp, payload) in enumerate(stretch):
            if codec.expected is not None:
                gap = (timestamp - codec.expected) & 0xFFFFFFFF
                if gap:
                    yield from self._decode(codec, stretch[begin:index])
                    begin = index
                    silence = min(gap / clock if gap < 0x80000000 else LONGEST_FILL_S, LONGEST_FILL_S)
                    yield from self._scan(codec, np.zeros(int(silence * RATE), dtype=np.float32))
            codec.expected = (timestamp + units(name, payload)) & 0xFFFFFFFF
        yield from self._decode(codec, stretch[begin:])

    def flush(self) -> Iterator[tuple[float, ToneHeard]]:
        """Closes open tones."""
        for codec in self._codecs.values():
            for tone in codec.scanner.flush():
                yield _time(codec.marks, tone.start), tone

    def _decode(self, codec: _Codec, stretch: Sequence[Sounding]) -> Iterator[tuple[float, ToneHeard]]:
        if not stretch:
            return
        samples = codec.decoder.decode([payload for _, _, payload in stretch])
        if not len(samples):
            return
        begin, end = stretch[0][0], stretch[-1][0]
        codec.marks = [*codec.marks[-MOST_MARKS:], (codec.fed, begin)]
        whole = len(samples) // PIECE
        if whole:
            energy = np.einsum("ij,ij->i", *(samples[: whole * PIECE].reshape(whole, PIECE),) * 2) / PIECE
            share = len(samples) / len(stretch) / RATE
            self._gauge.louder(begin + np.linspace(0, end - begin + share, whole, endpoint=False), energy)
        yield from self._scan(codec, samples)

    def _scan(self, codec: _Codec, samples: Floats) -> Iterator[tuple[float, ToneHeard]]:
        found = codec.scanner.hear(samples)
        codec.fed += len(samples)
        for tone in found:
            yield _time(codec.marks, tone.start), tone


def is_odd(codec: str, stretch: Sequence[Sounding]) -> bool:
    """Whether most packets hold more octets than samples pass until the next one: of a codec with an octet a sample (G.711, G.722) that is
    no audio. SRTP that nobody announced looks so, because of its tag. Of Opus nothing can be said.
    """
    if codec == "OPUS":
        return False
    steps = [
        (later[1] - one[1] & 0xFFFFFFFF, len(one[2])) for one, later in pairwise(stretch) if len(one[2]) > 4
    ]
    return len(steps) >= FEW and sum(0 < step < size for step, size in steps) * 2 > len(steps)


def units(codec: str, payload: bytes) -> int:
    """Timestamp units that a payload lasts."""
    return len(payload) if codec != "OPUS" else opus_duration(payload)


def opus_duration(payload: bytes) -> int:
    """Length of an Opus packet in units of 48 kHz (RFC 6716 section 3.1)."""
    if not payload:
        return 0
    configuration = payload[0] >> 3
    if configuration < 12:
        frame = (480, 960, 1920, 2880)[configuration % 4]
    elif configuration < 16:
        frame = (480, 960)[configuration % 2]
    else:
        frame = (120, 240, 480, 960)[configuration % 4]
    code = payload[0] & 3
    count = 1 if code == 0 else 2 if code < 3 else (payload[1] & 0x3F if len(payload) > 1 else 0)
    return frame * count


def _time(marks: list[tuple[int, float]], sample: int) -> float:
    """Capture time of a sample."""
    at = marks[0]
    for mark in marks:
        if mark[0] > sample:
            break
        at = mark
    return at[1] + (sample - at[0]) / RATE
