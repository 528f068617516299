"""The tone filter itself, called as rtpengine calls it: what it takes out, what it leaves, and how late."""

from __future__ import annotations

import ctypes
import random
from array import array
from collections.abc import Iterator

import pytest

from bench.bleed_ear import rests
from bench.bleed_sound import FAINT, LOUD, USUAL, hissing, voice
from callseal.audit.tones import ToneDetector, tone
from callseal.lab.tone_filter import build
from callseal.wire.g711 import decode_ulaw, encode_ulaw

pytestmark = pytest.mark.unit

DELAY = 240
"""Samples: 30 ms."""


class Filter:
    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._state = library.dtmf_rx_init(None, None, None)

    def __call__(self, audio: array[int]) -> array[int]:
        """In frames of 20 ms, in place, as rtpengine does."""
        out = array("h", audio)
        start, _ = out.buffer_info()
        for at in range(0, len(out) - 159, 160):
            assert self._library.dtmf_rx(self._state, start + 2 * at, 160) == 0
        return out

    def gap(self) -> None:
        self._library.dtmf_rx_fillin(self._state, 800)

    def free(self) -> None:
        self._library.dtmf_rx_free(self._state)


@pytest.fixture
def tone_filter() -> Iterator[Filter]:
    library = ctypes.CDLL(str(build()))
    library.dtmf_rx_init.restype = ctypes.c_void_p
    library.dtmf_rx_init.argtypes = [ctypes.c_void_p] * 3
    library.dtmf_rx.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
    library.dtmf_rx_fillin.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.dtmf_rx_free.argtypes = [ctypes.c_void_p]
    made = Filter(library)
    yield made
    made.free()


def keyed(background: array[int], ms: int, amplitude: int, chance: random.Random) -> array[int]:
    """A key every 250 ms, wherever in a packet; as G.711 brings it."""
    audio = array("h", background)
    for start in range(0, len(audio) - 4000, 2000):
        at = start + chance.randrange(400)
        for place, sample in enumerate(tone(chance.choice("0123456789*#"), ms, amplitude=amplitude), at):
            audio[place] = max(-32768, min(32767, audio[place] + sample))
    return decode_ulaw(encode_ulaw(audio))


@pytest.mark.parametrize(("ms", "amplitude"), [(40, USUAL), (100, FAINT), (160, LOUD), (100, FAINT // 2)])
def test_nothing_of_a_clean_tone_is_left(tone_filter: Filter, ms: int, amplitude: int) -> None:
    chance = random.Random(ms)
    audio = keyed(hissing(8000 * 5, chance), ms, amplitude, chance)
    assert len(ToneDetector().hear(audio)) > 15
    assert rests(tone_filter(audio)) == (0, 0.0)


@pytest.mark.parametrize(("quieter", "amplitude"), [(4, USUAL), (1, USUAL), (2, USUAL // 2)])
def test_no_key_is_heard_through_speech(tone_filter: Filter, quieter: int, amplitude: int) -> None:
    chance = random.Random(amplitude)
    speech = array("h", (sample // quieter for sample in voice(0, 8000 * 8)))
    audio = keyed(speech, 100, amplitude, chance)
    assert len(ToneDetector().hear(audio)) > 20
    assert ToneDetector().hear(tone_filter(audio)) == []


def test_speech_stays(tone_filter: Filter) -> None:
    """Of the blocks of 10 ms in which somebody speaks, less than one in a hundred is lost; all are 30 ms late."""
    audio = decode_ulaw(encode_ulaw(voice(0, 8000 * 20)))
    out = tone_filter(audio)
    spoken = lost = changed = 0
    for at in range(0, len(audio) - DELAY - 80, 80):
        block, later = audio[at : at + 80], out[at + DELAY : at + DELAY + 80]
        if sum(sample * sample for sample in block) > 80 * 100 * 100:
            spoken += 1
            lost += not any(later)
            changed += later != block
    assert spoken > 1000
    assert lost <= changed < spoken / 100


def test_a_gap_forgets_what_is_held(tone_filter: Filter) -> None:
    """Sixty samples of a tone are not recognised yet; what comes after the gap is not theirs."""
    tone_filter(hissing(1600, random.Random(1)) + tone("5", 8) + array("h", [0] * 96))
    tone_filter.gap()
    assert rests(tone_filter(array("h", [0] * 800))) == (0, 0.0)
