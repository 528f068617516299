from __future__ import annotations

import pytest

from callseal.phones.commands import Press
from callseal.phones.pressing import Presser

pytestmark = pytest.mark.unit


class Wire:
    def __init__(self) -> None:
        self.sent: list[tuple[str, str, int, int]] = []
        self.done: list[tuple[str, int]] = []
        self.presser = Presser(
            send=lambda *key: self.sent.append(key), done=lambda *press: self.done.append(press)
        )

    @property
    def digits(self) -> str:
        return "".join(key[0] for key in self.sent)


def press(digits: str, **options: object) -> Press:
    return Press.from_table({"digits": digits, **options})


def test_first_key_goes_at_once_the_others_after_length_and_gap() -> None:
    wire = Wire()
    wire.presser.press(press("123", duration_ms=100, gap_ms=80), now=10.0)
    assert wire.sent == [("1", "rfc4733", 100, 80)]
    wire.presser.tick(10.179)
    assert wire.digits == "1"
    wire.presser.tick(10.181)
    assert wire.digits == "12"
    wire.presser.tick(10.5)
    assert wire.digits == "123"
    assert wire.done == []
    wire.presser.tick(10.7)
    assert wire.done == [("rfc4733", 3)]
    assert not wire.presser.busy


def test_late_tick_shortens_nothing() -> None:
    wire = Wire()
    wire.presser.press(press("123"), now=0.0)
    wire.presser.tick(5.0)
    wire.presser.tick(5.1)
    assert wire.digits == "12"
    wire.presser.tick(5.181)
    assert wire.digits == "123"


def test_second_press_waits_for_the_first() -> None:
    wire = Wire()
    wire.presser.press(press("1"), now=0.0)
    wire.presser.press(press("2", method="inband"), now=0.01)
    assert wire.digits == "1"
    wire.presser.tick(0.2)
    assert wire.done == [("rfc4733", 1)]
    assert wire.sent[1] == ("2", "inband", 100, 80)


def test_a_key_the_wire_refuses_does_not_stop_the_others() -> None:
    wire = Wire()

    def refuse(*_key: object) -> None:
        raise OSError("gone")

    presser = Presser(send=refuse, done=lambda *press: wire.done.append(press))
    with pytest.raises(OSError, match="gone"):
        presser.press(press("12"), now=0.0)
    with pytest.raises(OSError, match="gone"):
        presser.tick(1.0)
    presser.tick(2.0)
    assert wire.done == [("rfc4733", 2)]


def test_end_of_the_call_forgets_the_keys() -> None:
    wire = Wire()
    wire.presser.press(press("123"), now=0.0)
    wire.presser.clear()
    wire.presser.tick(9.0)
    assert wire.digits == "1"
    assert not wire.presser.busy
