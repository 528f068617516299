"""DTMF tones in long audio, many blocks at a time (numpy). The audit's detector; the live ear has `tones`.

Audio (8000 samples a second) is cut into pieces of 51 samples (6.4 ms), each multiplied with the eight frequencies once. From these
pieces come two looks at every moment:

- *short*: two pieces (12.75 ms). A pair of frequencies that stands out and carries most of the energy is a tone, *clear* or *doubtful*;
- *long*: eight pieces (51 ms), a quarter of the bandwidth: a steady pair under speech or music, *covered*.

Three clear looks in a row (25 ms) are a press, as are eight doubtful or fifteen covered ones (110 ms); less is a *fragment*. It listens
for leaks, so its limits are wider than ITU-T Q.24's: faint levels, 10 dB of twist, no pause needed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from callseal.audit.tone_sound import COLUMNS, LAYOUT, RATE, ROWS, Floats, level_dbm0

Numbers = NDArray[np.int64]


PIECE = 51
PIECES_LONG = 8
AROUND = PIECES_LONG // 2 - 1
"""Pieces of the long look before those of the short one."""
QUIETEST_RMS = 16.0
"""About -63 dBm0 in a sine: under it a look is silence. The smallest step of G.711 is 8."""
MIN_SHARE, CLEAR_SHARE = 0.62, 0.85
"""Part of the energy that the pair must carry. 1.8 % off the frequency (Q.24) costs a third."""
MAX_TWIST = 10.0
"""Power of one of the pair over the other: 10 dB."""
MIN_LEAD = 4.0
"""Power over the other three frequencies of the group: 6 dB."""
LONG_SHARE, LONG_LEAD, LONG_ASIDE = 0.2, 16.0, 12.0
"""Share, lead over the group and lead over what is 55 Hz aside, in the long look."""
STILL_THERE = 0.3
"""Part of a tone's power that must be in the short look for the tone to be on there."""
CLEAR, DOUBTFUL, COVERED, ENOUGH = 10, 4, 2, 30
MISSES = 3
"""Looks without the tone that do not end it: a pause of 40 ms (Q.24) spoils four or more."""
BRIDGE = 48
"""Looks (0.3 s) over which a tone that is still there, under sound, is the same press."""
DENSE = 0.6
"""Part of the looks within a press that must show it."""
EDGE = 51
"""Samples of tone that one look alone stands for; each further one adds PIECE."""


_HISTORY = BRIDGE + 8


@dataclass(frozen=True, slots=True)
class ToneHeard:
    """A tone: `start` and `samples` count from the scanner's beginning, `level_dbm0` is that of both frequencies together.

    `press` False: a fragment, too short to be a digit. `covered` True: found under other sound.
    """

    key: str = field(repr=False)
    start: int
    samples: int
    level_dbm0: float
    press: bool
    covered: bool = False

    @property
    def milliseconds(self) -> float:
        return self.samples * 1000 / RATE


@dataclass(slots=True)
class _Run:
    """A tone that may still be going on. Places are in pieces since the beginning."""

    key: int
    first: int
    last: int
    looks: int
    worth: int
    power: float
    covered: int


_OMEGA = 2 * np.pi * np.array(ROWS + COLUMNS) / RATE
_KERNEL = np.concatenate(
    [np.cos(np.outer(_OMEGA, np.arange(PIECE))), -np.sin(np.outer(_OMEGA, np.arange(PIECE)))]
).astype(np.float32)
_TURN = np.exp(-1j * _OMEGA * PIECE).astype(np.complex64)[:, None]
_HANN = np.hanning(PIECES_LONG + 2)[1:-1]


def _taps(aside: float) -> NDArray[np.complex64]:
    """(8, pieces): turns the pieces into one long look, `aside` Hz beside each frequency; scaled to the power of a sine."""
    turn = np.outer(_OMEGA + 2 * np.pi * aside / RATE, np.arange(PIECES_LONG)) * PIECE
    taps: NDArray[np.complex64] = (np.exp(-1j * turn) * _HANN * np.sqrt(2) / (_HANN.sum() * PIECE)).astype(
        np.complex64
    )
    return taps


_LONG, _BELOW, _ABOVE = _taps(0.0), _taps(-55.0), _taps(55.0)
_SHORT_SCALE = np.float32(2 / (2 * PIECE) ** 2)


class ToneScanner:
    """Audio in (float32 on the scale of 16 bits), tones out, for one talker. `flush` gives what is still open."""

    def __init__(self) -> None:
        self._rest: Floats = np.zeros(0, dtype=np.float32)
        self._pieces = np.zeros((8, 0), dtype=np.complex64)
        self._energy: NDArray[np.float64] = np.zeros(0)
        self._powers: Floats = np.zeros((8, 0), dtype=np.float32)
        self._position = 0
        """Of the first look that has not been taken."""
        self._open: _Run | None = None

    def hear(self, samples: Floats) -> list[ToneHeard]:
        """The tones that ended in `samples` (up to 51 ms later)."""
        data = np.concatenate((self._rest, samples)) if len(self._rest) else samples
        count = len(data) // PIECE
        self._rest = data[count * PIECE :].copy()
        if not count:
            return []
        cut = data[: count * PIECE].reshape(count, PIECE)
        seen = _KERNEL @ cut.T
        pieces = np.empty((8, count), dtype=np.complex64)
        pieces.real, pieces.imag = seen[:8], seen[8:]
        self._pieces = np.concatenate((self._pieces, pieces), axis=1)
        self._energy = np.concatenate((self._energy, np.einsum("ij,ij->i", cut, cut)))
        return self._look()

    def flush(self) -> list[ToneHeard]:
        """The end of the audio: what was still going on."""
        heard = self.hear(np.zeros((BRIDGE + 2 * PIECES_LONG) * PIECE, dtype=np.float32))
        if self._open is not None:
            heard.append(_tone(self._open))
            self._open = None
        return heard

    def _look(self) -> list[ToneHeard]:
        """At every place that has all its pieces: AROUND before the short look's two, and as many behind."""
        pieces, energy = self._pieces, self._energy
        looks = pieces.shape[1] - PIECES_LONG + 1
        if looks <= 0:
            return []
        here = slice(AROUND, AROUND + looks)
        short = pieces[:, here] + _TURN * pieces[:, AROUND + 1 : AROUND + 1 + looks]
        powers = (short.real**2 + short.imag**2) * _SHORT_SCALE
        mean = ((energy[here] + energy[AROUND + 1 : AROUND + 1 + looks]) / (2 * PIECE)).astype(np.float32)
        keys, worth, strength = _short_look(powers, mean)
        self._long_look(powers, mean, (keys, worth, strength))
        self._pieces, self._energy = pieces[:, looks:].copy(), energy[looks:].copy()
        return self._follow(keys, worth, strength, powers)

    def _long_look(
        self, powers: Floats, mean: Floats, found: tuple[NDArray[np.int8], NDArray[np.int8], Floats]
    ) -> None:
        """Adds the covered tones to `found` where the short look saw none."""
        keys, worth, strength = found
        looks = len(keys)
        undecided = (keys < 0) & (mean >= QUIETEST_RMS * QUIETEST_RMS)
        # What is no pair in the short look, however faint, is none in the long one: most of speech ends here.
        whole = np.concatenate(([0.0], np.cumsum(self._energy)))
        energy = (whole[PIECES_LONG : PIECES_LONG + looks] - whole[:looks]) / (PIECES_LONG * PIECE)
        undecided &= powers[:4].max(axis=0) + powers[4:].max(axis=0) >= LONG_SHARE * STILL_THERE * energy
        at = np.flatnonzero(undecided)
        if not len(at):
            return
        window = sliding_window_view(self._pieces, PIECES_LONG, axis=1)[:, at]
        long = np.einsum("fnt,ft->fn", window, _LONG)
        long_powers = long.real**2 + long.imag**2
        key, pair, good = _pairs(long_powers, LONG_LEAD)
        good &= pair >= LONG_SHARE * energy[at]
        chosen = np.flatnonzero(good)
        at, key, pair, window = at[chosen], key[chosen], pair[chosen], window[:, chosen]
        for aside in (_BELOW, _ABOVE):
            beside = np.einsum("fnt,ft->fn", window, aside)
            quiet = (beside.real**2 + beside.imag**2) * LONG_ASIDE < long_powers[:, chosen]
            every = np.arange(len(at))
            pair = np.where(quiet[key // 4, every] & quiet[4 + key % 4, every], pair, 0)
        there = powers[key // 4, at] + powers[4 + key % 4, at] >= STILL_THERE * pair
        use = (pair > 0) & there
        keys[at[use]], worth[at[use]], strength[at[use]] = key[use], COVERED, pair[use]

    def _follow(
        self, keys: NDArray[np.int8], worth: NDArray[np.int8], strength: Floats, powers: Floats
    ) -> list[ToneHeard]:
        """Looks of the same key in a row become a tone."""
        ended: list[ToneHeard] = []
        first, kept = self._position, self._powers.shape[1]
        every = np.concatenate((self._powers, powers), axis=1)
        for index in np.flatnonzero(keys >= 0).tolist():
            key, place, value = int(keys[index]), first + index, int(worth[index])
            run = self._open
            if run is not None and run.key == key and self._goes_on(run, place, every, first - kept):
                run.last, run.looks, run.worth = place, run.looks + 1, run.worth + value
                run.power = max(run.power, float(strength[index]))
                run.covered += value == COVERED
                continue
            if run is not None:
                if run.key != key and value == COVERED and place - run.last <= MISSES:
                    continue  # two tones at once: the louder stays
                ended.append(_tone(run))
            self._open = _Run(key, place, place, 1, value, float(strength[index]), int(value == COVERED))
        self._position = first + len(keys)
        self._powers = every[:, -_HISTORY:].copy()
        if self._open is not None and self._position - self._open.last > BRIDGE:
            ended.append(_tone(self._open))
            self._open = None
        return ended

    @staticmethod
    def _goes_on(run: _Run, place: int, powers: Floats, begin: int) -> bool:
        gap = place - run.last
        if gap <= MISSES + 1:
            return True
        if gap > BRIDGE:
            return False
        between = powers[:, max(run.last + 1 - begin, 0) : place - begin]
        pair = between[run.key // 4] + between[4 + run.key % 4]
        return bool(pair.min() >= STILL_THERE * run.power)


def _short_look(powers: Floats, mean: Floats) -> tuple[NDArray[np.int8], NDArray[np.int8], Floats]:
    """For every look: key (-1 none), worth, power of the pair (mean square)."""
    key, pair, good = _pairs(powers, MIN_LEAD)
    good &= (mean >= QUIETEST_RMS * QUIETEST_RMS) & (pair >= MIN_SHARE * mean)
    keys = np.where(good, key, -1).astype(np.int8)
    worth = np.where(good, np.where(pair >= CLEAR_SHARE * mean, CLEAR, DOUBTFUL), 0).astype(np.int8)
    return keys, worth, np.where(good, pair, 0).astype(np.float32)


def _pairs(powers: Floats, lead: float) -> tuple[Numbers, Floats, NDArray[np.bool_]]:
    """(key of the strongest pair, its power, whether both stand out and are about equally loud), of powers (8, n)."""
    low, second_low = _two_strongest(powers[:4])
    high, second_high = _two_strongest(powers[4:])
    good = (low <= MAX_TWIST * high) & (high <= MAX_TWIST * low)
    good &= (second_low * lead <= low) & (second_high * lead <= high)
    return powers[:4].argmax(axis=0) * 4 + powers[4:].argmax(axis=0), low + high, good


def _two_strongest(four: Floats) -> tuple[Floats, Floats]:
    left, right = np.maximum(four[0], four[1]), np.maximum(four[2], four[3])
    second = np.maximum(np.minimum(four[0], four[1]), np.minimum(four[2], four[3]))
    return np.maximum(left, right), np.maximum(second, np.minimum(left, right))


def _tone(run: _Run) -> ToneHeard:
    return ToneHeard(
        LAYOUT[run.key],
        run.first * PIECE + AROUND * PIECE,
        (run.last - run.first) * PIECE + EDGE,
        level_dbm0(run.power),
        run.worth >= ENOUGH and run.looks >= DENSE * (run.last - run.first + 1),
        covered=run.covered * 2 > run.looks,
    )
