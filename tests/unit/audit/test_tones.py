"""Every key in every position is heard; speech, noise and music are not."""

from __future__ import annotations

import math
import random
import wave
from array import array
from importlib.resources import files

import pytest

from callseal.audit.tones import LAYOUT, RATE, ToneDetector, look, tone
from callseal.wire.g711 import decode_alaw, decode_ulaw, encode_alaw, encode_ulaw, samples_of

pytestmark = pytest.mark.unit

KEYS = "".join(LAYOUT)


def silence(milliseconds: int) -> array[int]:
    return array("h", [0] * (RATE * milliseconds // 1000))


def noise(milliseconds: int, amplitude: int, seed: int = 1) -> array[int]:
    chance = random.Random(seed)
    return array(
        "h",
        (
            max(-32768, min(32767, round(chance.gauss(0, amplitude))))
            for _ in range(RATE * milliseconds // 1000)
        ),
    )


def added(first: array[int], second: array[int]) -> array[int]:
    return array("h", (max(-32768, min(32767, one + two)) for one, two in zip(first, second, strict=True)))


def keys(samples: array[int]) -> str:
    return "".join(heard.key for heard in ToneDetector().hear(samples))


@pytest.mark.parametrize("key", KEYS)
def test_forty_milliseconds_are_heard_wherever_the_blocks_begin(key: str) -> None:
    for offset in range(0, 102, 17):
        assert keys(array("h", [0] * offset) + tone(key, 40) + silence(60)) == key


@pytest.mark.parametrize("twist_db", [-8, -4, 4, 8])
@pytest.mark.parametrize("key", "1D*0")
def test_unequal_loudness_is_heard(key: str, twist_db: int) -> None:
    assert keys(tone(key, 60, twist_db=twist_db) + silence(60)) == key


@pytest.mark.parametrize("amplitude", [100, 400, 30000])
def test_faint_and_loud_are_heard(amplitude: int) -> None:
    assert keys(tone("7", 80, amplitude=amplitude) + silence(60)) == "7"


def test_through_g711() -> None:
    row = silence(30)
    for key in KEYS:
        row += tone(key, 80, amplitude=1200) + silence(80)
    assert keys(decode_ulaw(encode_ulaw(row))) == KEYS
    assert keys(decode_alaw(encode_alaw(row))) == KEYS


def test_with_noise_around() -> None:
    row = silence(0)
    for key in "4242":
        row += tone(key, 80) + silence(80)
    assert keys(added(row, noise(640, 400))) == "4242"


@pytest.mark.parametrize("offset", range(0, 102, 6))
def test_two_presses_of_one_key_are_two_and_a_drop_out_is_none(offset: int) -> None:
    before = array("h", [0] * offset)
    assert keys(before + tone("5", 60) + silence(40) + tone("5", 60) + silence(60)) == "55"
    assert keys(before + tone("5", 60) + silence(10) + tone("5", 60) + silence(60)) == "5"


def test_keys_without_a_gap_are_told_apart() -> None:
    assert keys(tone("1", 60) + tone("9", 60) + silence(60)) == "19"


def test_pieces_of_any_size_give_the_same() -> None:
    row = silence(20) + tone("3", 50) + silence(50) + tone("8", 50) + silence(50)
    detector = ToneDetector()
    found = [heard for at in range(0, len(row), 160) for heard in detector.hear(row[at : at + 160])]
    assert "".join(heard.key for heard in found) == "38"
    assert [
        abs(heard.start - expected) <= 102 for heard, expected in zip(found, (160, 960), strict=True)
    ] == [True, True]


@pytest.mark.parametrize("milliseconds", [5, 10, 12])
def test_clicks_of_a_tone_are_not_a_key(milliseconds: int) -> None:
    assert keys(silence(21) + tone("5", milliseconds) + silence(60)) == ""


def test_silence_and_noise_are_not_a_key() -> None:
    assert keys(silence(500)) == ""
    for amplitude in (5, 100, 3000, 12000):
        assert keys(noise(2000, amplitude)) == ""


@pytest.mark.parametrize("voice", ["customer", "agent"])
def test_speech_is_not_a_key(voice: str) -> None:
    """The voices of the lab. Counting doubtful blocks in full makes the customer press A here."""
    with wave.open(str(files("callseal.phones") / "voices" / f"{voice}.wav")) as sound:
        assert (sound.getframerate(), sound.getsampwidth(), sound.getnchannels()) == (RATE, 2, 1)
        assert keys(samples_of(sound.readframes(sound.getnframes()))) == ""


@pytest.mark.parametrize("pitch", [90, 120, 174.25, 200, 233])
def test_vowels_are_not_a_key(pitch: float) -> None:
    """Harmonics of a gliding pitch under the first two formants of seven English vowels (Peterson and Barney, 1952)."""
    for first, second in (
        (270, 2290),
        (390, 1990),
        (530, 1840),
        (730, 1090),
        (570, 840),
        (300, 870),
        (490, 1350),
    ):
        phase = 0.0
        samples = array("h")
        for n in range(RATE // 4):
            here = pitch * (1 + 0.05 * math.sin(2 * math.pi * 5 * n / RATE))
            phase += 2 * math.pi * here / RATE
            value = 0.0
            for harmonic in range(1, int(3000 / here)):
                hertz = harmonic * here
                gain = 1 / (1 + ((hertz - first) / 90) ** 2) + 0.6 / (1 + ((hertz - second) / 110) ** 2)
                value += gain * math.sin(harmonic * phase)
            samples.append(round(max(-1, min(1, value / 3)) * 12000))
        assert keys(samples) == ""


def test_single_tones_and_neighbours_are_not_a_key() -> None:
    for hertz in (440, 697, 941, 1209, 1477, 1000):
        single = array("h", (round(9000 * math.sin(2 * math.pi * hertz * n / RATE)) for n in range(1600)))
        assert keys(single) == ""
    # Ring-back (425 + 450 Hz) and the special information tones.
    for first, second in ((425, 450), (350, 440), (480, 620), (950, 1400), (1400, 1800)):
        pair = array(
            "h",
            (
                round(
                    5000
                    * (math.sin(2 * math.pi * first * n / RATE) + math.sin(2 * math.pi * second * n / RATE))
                )
                for n in range(1600)
            ),
        )
        assert keys(pair) == ""


def test_one_frequency_much_louder_is_not_a_key() -> None:
    assert look(tone("5", 13, twist_db=16)) == (None, 0)


def test_repr_does_not_tell_the_key() -> None:
    (heard,) = ToneDetector().hear(tone("5", 60))
    assert "5" not in repr(heard).replace(f"start={heard.start}", "")
