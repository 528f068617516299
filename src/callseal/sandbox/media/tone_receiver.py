"""Hears keys that are pressed in the audio (ITU-T Q.23, Q.24), for the capture. Pure, 8 kHz; one talker.

A receiver and not a mask: the mask silences whatever might be a key, the receiver believes only what a keypad makes. A tone
of 40 ms is one press, what a carrier's own suppression leaves of one (25 ms and less) is none, an interruption of 10 ms
belongs to the press, a pause of 40 ms ends it. A press is told at its end, as rtpengine tells an event: a long one then meets
its other half in time.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator

from callseal.sandbox.media.mask import COLUMNS, RATE, ROWS

WINDOW, HOP = 160, 40
SHARE = 0.55
"""Of the window's energy, in the two frequencies; a window that a clean tone covers by so much counts."""
LEAD = 4.0
"""Power of each above the next strongest of its group (6 dB)."""
TWIST = 10.0
"""Between the two, either way (10 dB)."""
QUIETEST = 60.0
"""RMS below which a window is nobody's press: 50 dB below full scale."""
ENOUGH, OVER = 6, 4
"""Windows that make a press, and windows without it that end one: 5 ms each."""
_LAYOUT = ("123A", "456B", "789C", "*0#D")
ALL = 0.9
_FACTORS = tuple(2.0 * math.cos(2.0 * math.pi * frequency / RATE) for frequency in (*ROWS, *COLUMNS))


_FACTORS_OF = {
    key: (_FACTORS[row], _FACTORS[4 + column])
    for row, keys in enumerate(_LAYOUT)
    for column, key in enumerate(keys)
}


class ToneReceiver:
    """Audio in, keys out. `quiet()` stands for a packet that surely holds no key: it costs nothing."""

    def __init__(self) -> None:
        self._audio: array[int] = array("h")
        self._key: str | None = None
        self._seen = 0
        self._missed = 0

    def hear(self, samples: array[int]) -> list[str]:
        """The presses that ended in this."""
        self._audio.extend(samples)
        found: list[str] = []
        at = 0
        while at + WINDOW <= len(self._audio):
            found += self._window(key_in(self._audio[at : at + WINDOW], self._key))
            at += HOP
        del self._audio[:at]
        return found

    def quiet(self) -> list[str]:
        """The press that ended before this."""
        self._audio = array("h", bytes(2 * (WINDOW - HOP)))
        return [key for _ in range(OVER) for key in self._window(None)] if self._key is not None else []

    def _window(self, key: str | None) -> Iterator[str]:
        if key is not None and key == self._key:
            self._seen += 1
            self._missed = 0
            return
        self._missed += 1
        if self._key is not None and self._missed < OVER and (key is None or self._seen >= ENOUGH):
            return
        if self._key is not None and self._seen >= ENOUGH:
            yield self._key
        self._key, self._seen, self._missed = (
            key,
            1 if key is not None else 0,
            0 if key is not None else self._missed,
        )


def key_in(window: array[int], expected: str | None = None) -> str | None:
    """The key that sounds in the window, or None. `expected` is looked for first: a quarter of the work while one key sounds."""
    energy = float(sum(sample * sample for sample in window))
    if energy < QUIETEST * QUIETEST * len(window):
        return None
    if expected is not None:
        row, column = (_goertzel(window, factor) for factor in _FACTORS_OF[expected])
        # Nothing is left for another key.
        if row + column > ALL * energy * len(window) / 2.0 and row < TWIST * column and column < TWIST * row:
            return expected
    powers = [_goertzel(window, factor) for factor in _FACTORS]
    rows, columns = powers[:4], powers[4:]
    row, column = max(rows), max(columns)
    if row + column < SHARE * energy * len(window) / 2.0:
        return None
    if row > TWIST * column or column > TWIST * row:
        return None
    if sorted(rows)[-2] * LEAD > row or sorted(columns)[-2] * LEAD > column:
        return None
    return _LAYOUT[rows.index(row)][columns.index(column)]


def _goertzel(samples: array[int], factor: float) -> float:
    last = before = 0.0
    for sample in samples:
        last, before = sample + factor * last - before, last
    return last * last + before * before - factor * last * before
