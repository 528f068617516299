"""DTMF tones in audio (ITU-T Q.23, Q.24), by eight Goertzel filters. Pure Python, 8000 samples a second.

A block of 102 samples (12.75 ms) shows a key when one low and one high frequency stand out, carry most of the block's
energy and are about equally loud. It is *clear* when they carry nearly all of it, as a clean tone does, and *doubtful*
else: a tone with noise or speech over it, a telephone off its frequencies, or a vowel. Two clear blocks in a row are a
press, so every clean tone of 40 ms is heard wherever the blocks happen to begin, and nothing under 15 ms is; doubtful
blocks need five in a row (64 ms). Speech gives single clear blocks and runs of two or three doubtful ones.

This is an auditor's ear and not a receiver: it listens 25 dB below the level at which Q.24 lets a receiver stop.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

RATE = 8000
BLOCK = 102
ROWS = (697, 770, 852, 941)
COLUMNS = (1209, 1336, 1477, 1633)
LAYOUT = ("123A", "456B", "789C", "*0#D")

QUIETEST_RMS = 26.0
"""About -62 dB below full scale: under it a block is silence. The smallest step of G.711 is 8."""
MIN_SHARE = 0.62
"""Part of the block's energy that the two frequencies must carry. 1.8 % off the frequency (Q.24) costs a third."""
CLEAR_SHARE = 0.85
"""The same for a clear block."""
MAX_TWIST = 10 ** (10 / 10)
"""The louder of the two may have ten times the power (Q.24 wants 5 dB accepted; telephones and gain controls make 8)."""
MIN_LEAD = 10 ** (6 / 10)
"""Each of the two must be 6 dB above the other three frequencies of its group."""
CLEAR, DOUBTFUL, ENOUGH = 5, 2, 10
"""What a block is worth, and what a press takes: two clear blocks, or five doubtful ones."""
BLOCKS_TO_RELEASE = 3
"""A pause of 40 ms spoils three blocks or more, an interruption of 10 ms (Q.24) never more than two."""

_COEFFICIENTS = tuple(2 * math.cos(2 * math.pi * hertz / RATE) for hertz in (*ROWS, *COLUMNS))


@dataclass(frozen=True, slots=True)
class Tone:
    """A key heard; `start` counts samples since the detector began."""

    key: str = field(repr=False)
    start: int


class ToneDetector:
    """Audio in, presses out, for one talker. Each press is given once, when it has been heard for 25 ms."""

    def __init__(self) -> None:
        self._rest: array[int] = array("h")
        self._position = 0
        self._candidate: str | None = None
        self._evidence = 0
        self._since = 0
        self._pressed: str | None = None
        self._misses = 0

    def hear(self, samples: Iterable[int]) -> list[Tone]:
        """The presses that began in `samples` (and in what was left of those before)."""
        self._rest.extend(samples)
        found: list[Tone] = []
        whole = len(self._rest) // BLOCK * BLOCK
        for at in range(0, whole, BLOCK):
            found += self._block(*look(self._rest[at : at + BLOCK]))
            self._position += BLOCK
        del self._rest[:whole]
        return found

    def _block(self, key: str | None, worth: int) -> Iterator[Tone]:
        if self._pressed is not None:
            if key == self._pressed:
                self._misses = 0
                return
            self._misses += 1
            if self._misses < BLOCKS_TO_RELEASE and key is None:
                return  # a short interruption is still the same press
            self._pressed = None
        if key != self._candidate:
            self._candidate, self._evidence, self._since = key, 0, self._position
        self._evidence += worth
        if key is not None and self._evidence >= ENOUGH:
            self._pressed, self._candidate, self._misses = key, None, 0
            yield Tone(key, self._since)


def look(block: array[int]) -> tuple[str | None, int]:
    """The key that one block of samples shows and what it is worth, or (None, 0)."""
    energy = float(sum(sample * sample for sample in block))
    size = len(block)
    if energy < QUIETEST_RMS * QUIETEST_RMS * size:
        return None, 0
    powers = [_goertzel(block, coefficient) for coefficient in _COEFFICIENTS]
    rows, columns = powers[:4], powers[4:]
    row, column = max(rows), max(columns)
    # A sinusoid of amplitude A has the energy N*A*A/2 and the Goertzel power (A*N/2) squared.
    share = 2 * (row + column) / (size * energy)
    if share < MIN_SHARE or row > MAX_TWIST * column or column > MAX_TWIST * row:
        return None, 0
    if sorted(rows)[-2] * MIN_LEAD > row or sorted(columns)[-2] * MIN_LEAD > column:
        return None, 0
    key = LAYOUT[rows.index(row)][columns.index(column)]
    return key, CLEAR if share >= CLEAR_SHARE else DOUBTFUL


def _goertzel(block: array[int], coefficient: float) -> float:
    """Power of one frequency in the block (G. Goertzel, 1958)."""
    last, before = 0.0, 0.0
    for sample in block:
        last, before = sample + coefficient * last - before, last
    return last * last + before * before - coefficient * last * before


def tone(key: str, milliseconds: int, *, amplitude: int = 8000, twist_db: float = 0.0) -> array[int]:
    """The sound of a key, for tests and self-checks. `twist_db` makes the high frequency louder than the low one."""
    row = next(index for index, keys in enumerate(LAYOUT) if key in keys)
    low, high = ROWS[row], COLUMNS[LAYOUT[row].index(key)]
    louder = 10 ** (twist_db / 40)
    return array(
        "h",
        (
            round(
                amplitude
                * (
                    math.sin(2 * math.pi * low * n / RATE) / louder
                    + math.sin(2 * math.pi * high * n / RATE) * louder
                )
                / 2
            )
            for n in range(RATE * milliseconds // 1000)
        ),
    )
