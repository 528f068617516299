from __future__ import annotations

import wave
from pathlib import Path

import pytest

from callseal.phones.checked import FaultError
from callseal.phones.settings import VOICES, PhoneSettings, voice_path

pytestmark = pytest.mark.unit


def settings(**fields: object) -> PhoneSettings:
    return PhoneSettings.from_table({"name": "customer", "address": "127.86.0.10", **fields})


def test_toml_round_trip(tmp_path: Path) -> None:
    before = settings(
        user="+447700900123",
        outbound_proxy="127.86.0.20:5060",
        codecs=["PCMA"],
        auto_answer=True,
        say="customer",
        audio_feed="127.86.0.60:9001",
        log_file="/tmp/phone.log",
    )
    path = tmp_path / "phone.toml"
    path.write_text(before.to_toml())
    assert PhoneSettings.read(path) == before


def test_relative_log_file_starts_at_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "phone.toml"
    path.write_text(settings(log_file="own.log").to_toml())
    assert PhoneSettings.read(path).log_file == str(tmp_path / "own.log")


@pytest.mark.parametrize(
    "wrong",
    [
        {"log_level": 4},  # PJSIP writes digits from level 4 on
        {"codecs": []},
        {"codecs": ["G729"]},
        {"audio_feed": "nowhere"},
        {"rtp_first": 20000, "rtp_last": 20001},
        {"tone_level_dbm0": 0},
        {"unknown": 1},
        {"user": "a b"},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(FaultError):
        settings(**wrong)


@pytest.mark.parametrize("name", ["customer", "agent"])
def test_committed_voices_are_telephone_sound(name: str) -> None:
    with wave.open(str(voice_path(name))) as voice:
        assert (voice.getframerate(), voice.getnchannels(), voice.getsampwidth()) == (8000, 1, 2)
        assert 3 < voice.getnframes() / 8000 < 15


def test_unknown_voice_and_own_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        voice_path("nobody")
    own = tmp_path / "own.wav"
    own.write_bytes(b"")
    assert voice_path(str(own)) == own
    assert voice_path("agent") == VOICES / "agent.wav"
