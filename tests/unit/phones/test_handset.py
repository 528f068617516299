from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from callseal.phones.driver import PhoneError, PhoneSettings
from callseal.phones.handset import Handset

pytestmark = pytest.mark.unit

FRAME = bytes(320)


def loud_counter() -> Callable[[Iterable[int]], int]:
    return lambda samples: int(any(samples))


def handset(tmp_path: Path) -> Handset:
    config = tmp_path / "phone.toml"
    config.write_text(PhoneSettings(name="phone", address="127.86.0.15").to_toml())
    fake = Path(__file__).with_name("fake_phone.py")
    return Handset(config, new_tone_counter=loud_counter, command=(sys.executable, "-I", "-S", str(fake)))


def event(name: str, **details: object) -> dict[str, object]:
    return {"event": name, "at": 0, **details}


def test_state_follows_the_phones_events(tmp_path: Path) -> None:
    one = handset(tmp_path)
    states = [one.call]
    for name in ("incoming", "answered", "ended"):
        one._on_event(event(name))
        states.append(one.call)
    assert states == ["down", "ringing", "up", "down"]


def test_answer_that_overtakes_the_dialling_is_not_forgotten(tmp_path: Path) -> None:
    one = handset(tmp_path)
    states = []
    with one.dialling():
        states.append(one.call)
        one._on_event(event("answered"))
    states.append(one.call)
    assert states == ["ringing", "up"]


def test_dialling_that_fails_is_down_again(tmp_path: Path) -> None:
    one = handset(tmp_path)
    with pytest.raises(PhoneError), one.dialling():
        raise PhoneError("no")
    assert one.call == "down"


def test_counts_belong_to_one_call(tmp_path: Path) -> None:
    one = handset(tmp_path)
    one._on_event(event("incoming"))
    one._on_event(event("dtmf", method="info", count=3))
    one._on_event(event("dtmf", method="rfc4733", count=2))
    one._on_event(event("dtmf", method="unknown", count=9))
    one._on_frame(b"\x10\x00" * 160)
    one._on_event(event("ended"))
    assert one.status() == {"heard": {"rfc4733": 2, "inband": 1, "info": 3}}
    one._on_event(event("incoming"))
    assert one.status() == {"heard": {"rfc4733": 0, "inband": 0, "info": 0}}


def test_slow_listener_loses_the_oldest_sound(tmp_path: Path) -> None:
    async def listen() -> list[int]:
        one = handset(tmp_path)
        sound = one.sound()
        first = asyncio.ensure_future(anext(sound))
        await asyncio.sleep(0)
        one._on_frame(FRAME)
        await first
        for number in range(1, 61):
            one._on_frame(bytes([number]) + FRAME[1:])
        return [(await anext(sound))[0] for _ in range(50)]

    assert asyncio.run(listen()) == list(range(11, 61))
