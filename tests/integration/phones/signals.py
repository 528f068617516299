"""Looking at received sound: is it this voice, and how many digits are in it."""

from __future__ import annotations

import array
import math
import time
import wave
from collections.abc import Callable, Sequence
from pathlib import Path

CLOCK_HZ = 8000
LOW = (697, 770, 852, 941)
HIGH = (1209, 1336, 1477, 1633)
BLOCK = 160


def until(true: Callable[[], bool], timeout_s: float = 5.0) -> None:
    """Poll until `true`, or fail."""
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def samples(frames: Sequence[bytes]) -> list[int]:
    return list(array.array("h", b"".join(frames)))


def wav_samples(path: Path) -> list[int]:
    with wave.open(str(path)) as source:
        return list(array.array("h", source.readframes(source.getnframes())))


def level(pcm: Sequence[int]) -> float:
    """Root mean square."""
    return math.sqrt(sum(value * value for value in pcm) / max(1, len(pcm)))


def envelope(pcm: Sequence[int]) -> list[float]:
    return [level(pcm[start : start + BLOCK]) for start in range(0, len(pcm) - BLOCK + 1, BLOCK)]


def likeness(heard: Sequence[int], voice: Sequence[int]) -> float:
    """Best correlation (0..1) of the 20 ms loudness curve of `heard` with any place of the looping `voice`."""
    pattern = envelope(heard)
    loop = envelope(voice) * 2 + envelope(voice)
    best = 0.0
    for shift in range(len(loop) - len(pattern)):
        best = max(best, _correlation(pattern, loop[shift : shift + len(pattern)]))
    return best


def _correlation(one: Sequence[float], other: Sequence[float]) -> float:
    mean_one, mean_other = sum(one) / len(one), sum(other) / len(other)
    top = sum((a - mean_one) * (b - mean_other) for a, b in zip(one, other, strict=True))
    bottom = math.sqrt(sum((a - mean_one) ** 2 for a in one) * sum((b - mean_other) ** 2 for b in other))
    return top / bottom if bottom else 0.0


def tone_level(pcm: Sequence[int], hertz: float) -> float:
    """Peak amplitude of one frequency, by correlation with sine and cosine."""
    turn = 2 * math.pi * hertz / CLOCK_HZ
    real = sum(value * math.cos(turn * index) for index, value in enumerate(pcm))
    imaginary = sum(value * math.sin(turn * index) for index, value in enumerate(pcm))
    return 2 * math.hypot(real, imaginary) / len(pcm)


def heard_digits(pcm: Sequence[int]) -> str:
    """Digits by brute force, 20 ms blocks: both tones strong, everything else weak, two blocks in a row."""
    digits = ""
    previous = current = ""
    for start in range(0, len(pcm) - BLOCK + 1, BLOCK):
        found = _digit_in(pcm[start : start + BLOCK])
        if found and found == previous and found != current:
            digits += found
            current = found
        if not found and not previous:
            current = ""
        previous = found
    return digits


def _digit_in(block: Sequence[int]) -> str:
    total = level(block)
    if total < 300:
        return ""
    low = [tone_level(block, hertz) for hertz in LOW]
    high = [tone_level(block, hertz) for hertz in HIGH]
    row, column = low.index(max(low)), high.index(max(high))
    power = (low[row] ** 2 + high[column] ** 2) / 2
    if power < 0.7 * total * total or not 0.3 < low[row] / high[column] < 3:
        return ""
    return ("123A", "456B", "789C", "*0#D")[row][column]
