"""The capture as ladders: what the customer presses (>>) and what the desk hears (<<)."""

from __future__ import annotations

import pytest

from callseal.cards import Brand
from callseal.sandbox.capture.commands import Command, Prompt, Say, Tell
from callseal.sandbox.capture.engine import Capture, Rules, UnknownFieldError
from callseal.sandbox.capture.fields import Field
from callseal.sandbox.capture.table import NotNowError, State

pytestmark = pytest.mark.unit

TODAY = (2026, 11)
VISA = "4242424242424242"
ALL = (Field.CARD_NUMBER, Field.EXPIRY, Field.SECURITY_CODE)


class Line:
    """A customer on the line: presses at a steady pace, collects what was told and said."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.capture = Capture(rules or Rules())
        self.now = 100.0
        self.told: list[Tell] = []
        self.said: list[Prompt] = []

    def take_in(self, commands: list[Command]) -> list[str]:
        for command in commands:
            if isinstance(command, Tell):
                self.told.append(command)
            elif isinstance(command, Say):
                self.said += command.prompts
        return [command.type for command in commands if isinstance(command, Tell)]

    def start(self, *fields: Field, **more: object) -> list[str]:
        asked = fields or ALL
        return self.take_in(self.capture.start(asked, now=self.now, today=TODAY, **more))  # type: ignore[arg-type]

    def press(self, keys: str, gap: float = 0.2) -> list[str]:
        heard = []
        for key in keys:
            self.now += gap
            heard += self.take_in(self.capture.press(key, now=self.now))
        return heard

    def wait(self, seconds: float) -> list[str]:
        self.now += seconds
        return self.take_in(self.capture.tick(now=self.now))

    def last(self, kind: str) -> dict[str, object]:
        return dict(next(tell.data for tell in reversed(self.told) if tell.type == kind))


def test_a_card_from_first_to_last_press() -> None:
    line = Line()
    assert line.start() == ["capture.started"]
    assert line.said == [Prompt.CARD_NUMBER]
    assert line.press(VISA[:15]) == ["capture.digit"] * 15
    assert line.press(VISA[15]) == ["capture.digit", "capture.field_completed", "capture.started"]
    assert line.last("capture.field_completed") == {
        "field": "card_number",
        "valid": True,
        "masked": "•••• •••• •••• 4242",
        "brand": "visa",
        "last4": "4242",
    }
    line.press("1230")
    assert line.last("capture.field_completed") == {
        "field": "expiry",
        "valid": True,
        "masked": "••••",
        "brand": "visa",
    }
    assert line.press("123")[-2:] == ["capture.field_completed", "capture.completed"]
    assert line.said[-2:] == [Prompt.SECURITY_CODE, Prompt.THANK_YOU]
    card = line.capture.take()
    assert card.pan is not None
    assert card.expiry is not None
    assert card.security_code is not None
    assert (card.pan.reveal(), card.expiry.reveal(), card.security_code.reveal()) == (VISA, "1230", "123")
    assert line.capture.state is State.OVER
    assert line.capture.views() == []
    with pytest.raises(NotNowError):
        line.capture.take()


def test_limits_and_brand_are_live() -> None:
    line = Line()
    line.start()
    line.press("3")
    assert line.last("capture.digit") == {
        "field": "card_number",
        "count": 1,
        "min": 14,
        "max": 19,
        "brand": None,
    }
    line.press("7")
    assert line.last("capture.digit") == {
        "field": "card_number",
        "count": 2,
        "min": 15,
        "max": 15,
        "brand": "amex",
    }


def test_amex_asks_for_four_digits_of_security_code() -> None:
    line = Line()
    line.start(Field.CARD_NUMBER, Field.SECURITY_CODE)
    line.press("378282246310005")
    assert line.press("123") == ["capture.digit"] * 3
    assert line.press("4")[-1] == "capture.completed"


@pytest.mark.parametrize(
    ("field", "keys", "reason"),
    [
        (Field.CARD_NUMBER, "4242424242424241", "luhn"),
        (Field.CARD_NUMBER, "42424#", "length"),
        (Field.CARD_NUMBER, "9111111111111111111", "brand"),
        (Field.CARD_NUMBER, "371449635398431", "brand"),
        (Field.EXPIRY, "1330", "month"),
        (Field.EXPIRY, "1026", "expired"),
        (Field.EXPIRY, "12#", "format"),
        (Field.SECURITY_CODE, "12#", "length"),
        (Field.POSTAL_CODE, "9021#", "length"),
    ],
)
def test_what_is_wrong_is_named(field: Field, keys: str, reason: str) -> None:
    line = Line(Rules(brands=frozenset(Brand) - {Brand.AMEX}))
    line.start(field)
    assert line.press(keys)[-1] == "capture.field_invalid"
    assert line.last("capture.field_invalid") == {"field": field, "reason": reason}
    assert line.said[-2:] == [Prompt.TRY_AGAIN, Prompt(field.value)]
    assert [(view.state, view.count) for view in line.capture.views()] == [("invalid", 0)]


def test_this_month_is_not_expired() -> None:
    line = Line()
    line.start(Field.EXPIRY)
    assert line.press("1126")[-1] == "capture.completed"


def test_hash_ends_an_open_length_and_is_a_habit_after_a_closed_one() -> None:
    line = Line()
    line.start(Field.CARD_NUMBER, Field.POSTAL_CODE)
    line.press(VISA)
    assert line.press("#") == []
    assert line.press("90210") == ["capture.digit"] * 5
    assert line.press("#") == ["capture.field_completed", "capture.completed"]


def test_a_pause_after_a_good_value_ends_it() -> None:
    line = Line()
    line.start(Field.CARD_NUMBER)
    line.press("6011111111111117")  # Discover: 16 to 19
    assert line.wait(2.9) == []
    assert line.wait(0.2) == ["capture.field_completed", "capture.completed"]


def test_star_clears_and_twice_on_nothing_cancels() -> None:
    line = Line()
    line.start()
    line.press("4242")
    assert line.press("*") == ["capture.field_reset", "capture.started"]
    assert line.last("capture.field_reset") == {"field": "card_number", "by": "customer"}
    assert line.press("*") == []
    assert line.press("4") == ["capture.digit"]
    assert line.press("*") == ["capture.field_reset", "capture.started"]
    assert line.press("**") == ["capture.cancelled"]
    assert line.last("capture.cancelled") == {"by": "customer"}
    assert line.press(VISA) == []


def test_silence_in_the_middle_costs_an_attempt() -> None:
    line = Line()
    line.start()
    assert line.wait(60) == []  # the card is still in the purse: only the overall time runs
    line.press("4242")
    assert line.wait(9.9) == []
    assert line.wait(0.1) == ["capture.timed_out", "capture.started"]
    assert line.last("capture.timed_out") == {"field": "card_number", "kind": "inter_digit"}
    line.press("42")
    assert line.wait(10) == ["capture.timed_out", "capture.started"]
    line.press("42")
    assert line.wait(10) == ["capture.timed_out", "capture.cancelled"]
    assert line.last("capture.cancelled") == {"by": "partner"}


def test_the_overall_time_ends_it_whatever_is_being_keyed() -> None:
    line = Line()
    line.start()
    line.now += 118
    line.press("424242", gap=0.1)
    assert line.wait(2) == ["capture.timed_out"]
    assert line.last("capture.timed_out")["kind"] == "overall"
    assert line.capture.deadline() is None


def test_three_wrong_numbers_end_it() -> None:
    line = Line()
    line.start()
    for _ in range(2):
        assert line.press("4242424242424241")[-1] == "capture.field_invalid"
    assert line.press("4242424242424241")[-2:] == ["capture.field_invalid", "capture.cancelled"]
    assert line.said[-1] is Prompt.CANCELLED


def test_the_agent_resets_one_field() -> None:
    line = Line()
    line.start()
    line.press(VISA + "1230" + "12")
    told = line.take_in(line.capture.reset(Field.EXPIRY, by="agent", now=line.now))
    assert told == ["capture.field_reset", "capture.field_reset", "capture.started"]
    assert [(view.name.value, view.state) for view in line.capture.views()] == [
        ("card_number", "valid"),
        ("expiry", "active"),
        ("security_code", "waiting"),
    ]
    assert line.press("0131")[-1] == "capture.started"  # on to the security code again
    assert line.press("123")[-1] == "capture.completed"


def test_a_new_number_asks_for_a_new_security_code() -> None:
    line = Line()
    line.start()
    line.press(VISA + "1230" + "123")
    assert line.capture.state is State.COMPLETE
    line.take_in(line.capture.reset(Field.CARD_NUMBER, by="agent", now=line.now))
    assert {
        tell.data["field"]: tell.data["by"] for tell in line.told if tell.type == "capture.field_reset"
    } == {
        "card_number": "agent",
        "security_code": "partner",
    }
    line.press("378282246310005")
    assert line.press("1234")[-1] == "capture.completed"


def test_the_agent_resets_everything() -> None:
    line = Line()
    line.start()
    line.press(VISA + "12")
    line.take_in(line.capture.reset(None, by="agent", now=line.now))
    assert [view.count for view in line.capture.views()] == [0, 0, 0]
    assert line.capture.views()[0].state == "active"


def test_resetting_what_was_not_asked() -> None:
    line = Line()
    line.start(Field.EXPIRY)
    with pytest.raises(UnknownFieldError):
        line.capture.reset(Field.POSTAL_CODE, by="agent", now=line.now)


def test_a_stored_card_needs_its_security_code_only() -> None:
    line = Line()
    line.start(Field.SECURITY_CODE, stored_card=("card_1", Brand.AMEX, "0005"))
    assert line.press("123") == ["capture.digit"] * 3
    assert line.press("4")[-1] == "capture.completed"
    card = line.capture.take()
    assert (card.stored_card, card.pan, card.last4) == ("card_1", None, "0005")


def test_a_security_code_alone_may_have_three_or_four() -> None:
    line = Line()
    line.start(Field.SECURITY_CODE)
    assert line.press("123") == ["capture.digit"] * 3
    assert line.wait(3)[-1] == "capture.completed"


@pytest.mark.parametrize("fields", [(), (Field.EXPIRY, Field.EXPIRY)])
def test_fields_are_asked_once_each(fields: tuple[Field, ...]) -> None:
    with pytest.raises(ValueError, match="once"):
        Capture(Rules()).start(fields, now=0, today=TODAY)


def test_a_stored_card_and_a_number_contradict_each_other() -> None:
    with pytest.raises(ValueError, match="stored card"):
        Capture(Rules()).start(ALL, now=0, today=TODAY, stored_card=("card_1", None, None))


def test_asking_again_starts_from_nothing() -> None:
    line = Line()
    line.start()
    line.press(VISA)
    line.start()
    assert [view.count for view in line.capture.views()] == [0, 0, 0]


def test_forgetting_wipes() -> None:
    line = Line()
    line.start()
    line.press(VISA)
    line.capture.forget()
    assert line.capture.views() == []
    assert line.press("1") == []


def test_a_security_code_keyed_before_its_number_must_fit_the_number() -> None:
    line = Line()
    line.start(Field.SECURITY_CODE, Field.CARD_NUMBER)
    assert line.press("1234")[-2:] == ["capture.field_completed", "capture.started"]
    told = line.press(VISA)
    assert told[-3:] == ["capture.field_completed", "capture.field_reset", "capture.started"]
    assert line.last("capture.field_reset") == {"field": Field.SECURITY_CODE, "by": "partner"}
    assert line.press("123")[-1] == "capture.completed"
