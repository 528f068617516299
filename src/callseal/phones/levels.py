"""Tone levels: dBm0 to the volume PJSIP's tone generator wants."""

from __future__ import annotations

import math

# ITU-T G.711 table 5: the loudest undistorted sine through mu-law is +3.17 dBm0. Its 14 bit peak is 8159, 32636 in 16 bit.
_LOUDEST_DBM0 = 3.17
_LOUDEST_PEAK = 8159 * 4
_TOP_VOLUME = 28_000  # with the louder upper tone still below the clip
_CLOCK_HZ = 8000
_LOW_HZ = {
    digit: hertz
    for hertz, row in ((697, "123A"), (770, "456B"), (852, "789C"), (941, "*0#D"))
    for digit in row
}


def peak_of(level_dbm0: float) -> float:
    """16 bit peak amplitude of one sine at this level."""
    return _LOUDEST_PEAK * math.pow(10, (level_dbm0 - _LOUDEST_DBM0) / 20)


def low_tone_of(digit: str) -> int:
    """Frequency in Hz of the lower tone of a keypad digit (ITU-T Q.23). Raises `KeyError`."""
    return _LOW_HZ[digit]


def tone_volume(level_dbm0: float, digit: str) -> int:
    """`ToneDigit.volume` that puts this digit's lower tone at this level.

    PJSIP adds both sines and halves the sum, and its oscillator makes a sine of f Hz louder by 1/cos(pi f / 8000). One volume
    serves both tones, so the upper one comes out 0.4 to 1.6 dB louder; real keypads raise it too.
    Raises `ValueError` when the pair does not fit into 16 bit.
    """
    volume = round(2 * peak_of(level_dbm0) * math.cos(math.pi * low_tone_of(digit) / _CLOCK_HZ))
    if volume > _TOP_VOLUME:
        raise ValueError(f"two tones of {level_dbm0} dBm0 each do not fit into 16 bit")
    return volume
