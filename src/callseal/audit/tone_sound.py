"""What a key sounds like in 8000 samples a second: its two frequencies (ITU-T Q.23), its level in dBm0, its sound."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


RATE = 8000
ROWS = (697.0, 770.0, 852.0, 941.0)
COLUMNS = (1209.0, 1336.0, 1477.0, 1633.0)
LAYOUT = "123A456B789C*0#D"
"""Keys by 4 * row + column."""


FULL_SCALE_DBM0 = 3.14
"""Level of a full-scale sine in mu-law (ITU-T G.711)."""
_FULL = 32768.0


def level_dbm0(mean_square: float) -> float:
    """Mean square of samples to dBm0."""
    return float(10 * np.log10(max(mean_square, 1e-9) / (_FULL * _FULL / 2)) + FULL_SCALE_DBM0)


def tone_samples(key: str, milliseconds: float, *, dbm0: float = -10.0, twist_db: float = 0.0) -> Floats:
    """The sound of a key at a level (both frequencies together); `twist_db` makes the high one louder. 2 ms of ramp at both ends."""
    place = LAYOUT.index(key)
    low, high = ROWS[place // 4], COLUMNS[place % 4]
    n = np.arange(int(RATE * milliseconds / 1000))
    power = _FULL * _FULL / 2 * 10 ** ((dbm0 - FULL_SCALE_DBM0) / 10)
    ratio = 10 ** (twist_db / 10)
    low_amplitude, high_amplitude = np.sqrt(2 * power / (1 + ratio)), np.sqrt(2 * power * ratio / (1 + ratio))
    wave = low_amplitude * np.sin(2 * np.pi * low * n / RATE) + high_amplitude * np.sin(
        2 * np.pi * high * n / RATE
    )
    ramp = np.minimum(1.0, np.minimum(n + 1, len(n) - n) / 16)
    return np.asarray(wave * ramp, dtype=np.float32)
