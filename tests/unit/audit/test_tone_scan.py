"""The audit's tone detector: every key, faint and loud, short and long, cut anywhere, and quiet on speech."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callseal.audit.tone_scan import ToneHeard, ToneScanner
from callseal.audit.tone_sound import LAYOUT, RATE, Floats, tone_samples
from tests.support.call_capture import hush, murmur, tones

pytestmark = pytest.mark.unit

VOICES = Path(__file__).parents[3] / "src" / "callseal" / "phones" / "voices"


def heard(audio: Floats, piece: int = 4000) -> list[ToneHeard]:
    scanner = ToneScanner()
    found = [tone for at in range(0, len(audio), piece) for tone in scanner.hear(audio[at : at + piece])]
    return found + scanner.flush()


def presses(audio: Floats, piece: int = 4000) -> str:
    return "".join(tone.key for tone in heard(audio, piece) if tone.press)


@pytest.mark.parametrize("key", LAYOUT)
@pytest.mark.parametrize("dbm0", [0.0, -20.0, -48.0, -56.0])
@pytest.mark.parametrize("milliseconds", [32, 40, 80, 300])
def test_every_key_at_every_level(key: str, dbm0: float, milliseconds: int) -> None:
    found = heard(np.concatenate((hush(0.1), tone_samples(key, milliseconds, dbm0=dbm0), hush(0.1))))
    assert [(tone.key, tone.press) for tone in found] == [(key, True)]
    assert abs(found[0].level_dbm0 - dbm0) < 1.2
    assert abs(found[0].milliseconds - milliseconds) < 15
    assert abs(found[0].start / RATE - 0.1) < 0.013


@pytest.mark.parametrize("twist", [-8.0, -4.0, 4.0, 8.0])
def test_twist(twist: float) -> None:
    assert (
        presses(np.concatenate((hush(0.1), tone_samples("7", 60, dbm0=-20, twist_db=twist), hush(0.1))))
        == "7"
    )


@pytest.mark.parametrize("milliseconds", [12, 15, 20])
def test_what_is_too_short_for_a_digit_is_a_fragment(milliseconds: int) -> None:
    found = heard(np.concatenate((hush(0.1), tone_samples("8", milliseconds), hush(0.1))))
    assert [tone.press for tone in found] == [False]
    assert abs(found[0].milliseconds - milliseconds) < 12


def test_a_pause_of_40_ms_makes_two_presses_and_10_ms_do_not() -> None:
    assert presses(tones("5555", milliseconds=40, gap=0.04)) == "5555"
    assert presses(tones("55", milliseconds=40, gap=0.01)) == "5"


def test_one_long_press_is_one() -> None:
    assert presses(tones("9", milliseconds=3000)) == "9"


@settings(max_examples=25)
@given(st.integers(1, 3000), st.text(alphabet=LAYOUT, min_size=1, max_size=5))
def test_how_the_audio_is_cut_changes_nothing(piece: int, keys: str) -> None:
    audio = tones(keys)
    assert [(one.key, one.start, one.samples, one.press) for one in heard(audio, max(piece, 37))] == [
        (one.key, one.start, one.samples, one.press) for one in heard(audio, len(audio))
    ]
    assert presses(audio, max(piece, 37)) == keys


@pytest.mark.parametrize(("over_db", "milliseconds"), [(6.0, 60), (3.0, 120)])
def test_a_tone_over_sound(over_db: float, milliseconds: int) -> None:
    sound, size = murmur(2.0), 8 * milliseconds
    level = 10 * np.log10(float((sound[8000 : 8000 + size] ** 2).mean()) / (32768**2 / 2)) + 3.14
    sound[8000 : 8000 + size] += tone_samples("3", milliseconds, dbm0=level + over_db)
    assert presses(sound) == "3"


@pytest.mark.parametrize("at", [16_000, 28_000])
def test_a_tone_under_speech_is_found_by_the_long_look(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = (VOICES / "customer.wav").read_bytes()
    speech = np.frombuffer(data[data.index(b"data") + 8 :], dtype=np.int16).astype(np.float32)
    sound = speech[at - 4000 : at + 8000].copy()
    level = 10 * np.log10(float((sound[4000:6400] ** 2).mean()) / (32768**2 / 2)) + 3.14
    sound[4000:6400] += tone_samples("3", 300, dbm0=level - 3)
    assert presses(sound) == "3"
    monkeypatch.setattr("callseal.audit.tone_scan.LONG_SHARE", 2.0)
    assert presses(sound) == ""


@pytest.mark.parametrize("name", ["customer.wav", "agent.wav"])
def test_speech_has_no_digit(name: str) -> None:
    data = (VOICES / name).read_bytes()
    speech = np.frombuffer(data[data.index(b"data") + 8 :], dtype=np.int16).astype(np.float32)
    for gain in (0.05, 1.0):
        found = heard(speech * np.float32(gain))
        assert not [tone for tone in found if tone.press]
        assert max((tone.milliseconds for tone in found), default=0) < 60


@pytest.mark.parametrize("hertz", [697, 1000, 1209, 1633])
def test_one_frequency_alone_is_no_digit(hertz: int) -> None:
    assert heard((8000 * np.sin(2 * np.pi * hertz * np.arange(8000) / RATE)).astype(np.float32)) == []


def test_silence_and_noise() -> None:
    assert heard(hush(2)) == []
    noise = np.random.default_rng(5).normal(0, 1500, 60 * RATE).astype(np.float32)
    assert not [tone for tone in heard(noise) if tone.press]
