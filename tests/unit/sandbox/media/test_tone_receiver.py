"""What the capture hears in the audio: presses as a keypad makes them, once each, and nothing else."""

from __future__ import annotations

import random
from array import array

import pytest

from bench.bleed_sound import hissing, voice
from callseal.audit.tones import tone
from callseal.sandbox.media.tone_receiver import ToneReceiver
from callseal.wire.g711 import decode_ulaw, encode_ulaw

pytestmark = pytest.mark.unit

KEYS = "1123456789*0#4"


def heard(audio: array[int]) -> str:
    receiver = ToneReceiver()
    audio = decode_ulaw(encode_ulaw(audio))
    found = [
        key
        for at in range(0, len(audio) - 159, 160)
        for key in receiver.hear(array("h", audio[at : at + 160]))
    ]
    return "".join([*found, *receiver.quiet()])


def keyed(keys: str, ms: int, gap_ms: int, seed: int, **how: float) -> array[int]:
    chance = random.Random(seed)
    audio = hissing(800 + chance.randrange(160), chance)
    for key in keys:
        audio += tone(key, ms, amplitude=int(how.get("amplitude", 8000)), twist_db=how.get("twist_db", 0.0))
        audio += hissing(8 * gap_ms, chance)
    return audio


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("ms", "gap_ms", "how"),
    [
        (40, 40, {}),
        (100, 60, {}),
        (300, 100, {}),
        (60, 60, {"amplitude": 300}),
        (80, 80, {"twist_db": 6.0}),
        (80, 80, {"twist_db": -8.0}),
    ],
)
def test_each_press_once_wherever_in_a_packet(ms: int, gap_ms: int, how: dict[str, float], seed: int) -> None:
    assert heard(keyed(KEYS, ms, gap_ms, seed, **how)) == KEYS


@pytest.mark.parametrize("ms", [15, 20, 23, 25])
def test_what_suppression_leaves_is_none(ms: int) -> None:
    assert heard(keyed(KEYS * 4, ms, 100, ms)) == ""


def test_an_interruption_belongs_to_the_press() -> None:
    press = tone("5", 40) + array("h", [0] * 80) + tone("5", 40)
    assert heard(press + array("h", [0] * 800)) == "5"


def test_a_press_is_told_when_it_is_over() -> None:
    receiver = ToneReceiver()
    assert receiver.hear(tone("5", 500)) == []
    assert receiver.quiet() == ["5"]
    assert receiver.quiet() == []


def test_speech_presses_nothing() -> None:
    assert heard(voice(0, 8000 * 20)) == ""
