"""Laws that hold for every sequence of keys, pauses and agent's wishes."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callseal.cards.luhn import check_digit
from callseal.sandbox.capture.commands import Command, Say, Tell
from callseal.sandbox.capture.engine import Capture, Rules, UnknownFieldError
from callseal.sandbox.capture.fields import Field
from callseal.sandbox.capture.table import TABLE, Input, NotNowError, State, step

pytestmark = pytest.mark.unit

ALLOWED = {
    "capture.started": {"field"},
    "capture.digit": {"field", "count", "min", "max", "brand"},
    "capture.field_completed": {"field", "valid", "masked", "brand", "last4"},
    "capture.field_invalid": {"field", "reason"},
    "capture.field_reset": {"field", "by"},
    "capture.completed": set(),
    "capture.timed_out": {"field", "kind"},
    "capture.cancelled": {"by"},
}

keys = st.tuples(st.just("press"), st.sampled_from("0123456789*#A"))
numbers = st.text("0123456789", min_size=11, max_size=17).map(lambda digits: digits + check_digit(digits))
bursts = st.tuples(st.just("burst"), numbers | st.sampled_from(["4242424242424242", "1230", "123", "90210#"]))
pauses = st.tuples(st.just("wait"), st.sampled_from([0.1, 2.9, 3.0, 10.0, 119.0]))
wishes = st.tuples(st.just("wish"), st.sampled_from(["start", "cancel", "reset", "take", *Field]))
stories = st.lists(keys | bursts | pauses | wishes, max_size=40)
asked = st.lists(st.sampled_from(list(Field)), min_size=1, max_size=4, unique=True)


def act(capture: Capture, fields: list[Field], what: str, value: object, now: float) -> list[Command]:
    if what == "press":
        return capture.press(str(value), now=now)
    if what == "burst":
        return [command for key in str(value) for command in capture.press(key, now=now)]
    if what == "wait":
        return capture.tick(now=now)
    match value:
        case "start":
            return capture.start(fields, now=now, today=(2026, 11))
        case "cancel":
            return capture.cancel(by="agent")
        case "reset":
            return capture.reset(None, by="agent", now=now)
        case "take":
            capture.take().wipe()
            return []
    return capture.reset(Field(str(value)), by="agent", now=now)


@settings(max_examples=150, deadline=None)
@given(asked, stories)
@example(
    fields=[Field.SECURITY_CODE, Field.CARD_NUMBER],
    story=[("burst", "000000000000"), ("wait", 10.0), ("burst", "4000000000000002")],
)
def test_every_story(fields: list[Field], story: list[tuple[str, object]]) -> None:
    capture = Capture(Rules())
    now = 1000.0
    for what, value in [("wish", "start"), *story]:
        now += float(value) if what == "wait" else 0.1  # type: ignore[arg-type]
        before = capture.state
        try:
            commands = act(capture, fields, what, value, now)
        except NotNowError as error:
            refusal: NotNowError | None = error
            commands = []
        except UnknownFieldError:
            refusal, commands = None, []
            unknown = str(value) not in fields
            assert unknown, "a field that was asked for is known"
        else:
            refusal = None
        if refusal is not None:
            # The only inputs that may be refused are the agent's, and a refusal changes nothing.
            assert what == "wish"
            assert (refusal.state, capture.state) == (before, before)
            assert (refusal.state, refusal.asked) not in TABLE
        for command in commands:
            check(command)
        views = capture.views()
        assert (views == []) == (capture.state in (State.IDLE, State.OVER))
        assert [view.name for view in views] in ([], fields)
        assert all(view.count <= view.max for view in views)
        if capture.state is State.COMPLETE:
            assert all(view.state == "valid" for view in views)
        if capture.state is State.COLLECTING:
            assert sum(view.state in ("active", "invalid") for view in views) >= 1
            due = capture.deadline()
            assert due is not None
            assert due <= now + 120
        else:
            assert capture.deadline() is None


def check(command: Command) -> None:
    if isinstance(command, Say):
        assert command.prompts
        return
    assert isinstance(command, Tell)
    assert set(command.data) <= ALLOWED[command.type]
    for name, value in command.data.items():
        if name in ("count", "min", "max"):
            assert isinstance(value, int)
            assert 0 < value <= 19
            continue
        # The last four of a card number, twice (masked and last4), are the only digits that ever leave.
        shown = re.sub(r"\D", "", str(value))
        assert not shown or (command.data["field"] == Field.CARD_NUMBER and name in ("masked", "last4"))
        assert len(shown) <= 4


@given(st.sampled_from(list(State)), st.sampled_from(list(Input)))
def test_every_pair_is_in_the_table_or_has_a_name(state: State, given_input: Input) -> None:
    if (state, given_input) in TABLE:
        assert step(state, given_input) is TABLE[state, given_input]
    else:
        with pytest.raises(NotNowError, match=str(state)):
            step(state, given_input)


def test_a_press_is_legal_in_every_state() -> None:
    assert {state for state, given_input in TABLE if given_input is Input.PRESS} == set(State)


def test_every_state_is_reached() -> None:
    assert set(TABLE.values()) == set(State)


@given(numbers)
def test_nothing_prints_the_digits(number: str) -> None:
    capture = Capture(Rules())
    capture.start([Field.CARD_NUMBER, Field.EXPIRY], now=0, today=(2026, 11))
    for key in number[:-1]:
        capture.press(key, now=0)
    seen = repr(capture.views()) + repr(capture) + repr([slot.digits for slot in capture._form.slots])
    assert number[:-1] not in seen
