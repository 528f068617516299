"""Every (state, event) pair of the payment session is in the table or has a named error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callseal.sandbox.session.table import TABLE, Event, State, WrongStateError, step

pytestmark = pytest.mark.unit

FACTS = {Event.HUNG_UP, Event.CHARGED}


@given(st.sampled_from(list(State)), st.sampled_from(list(Event)))
def test_in_the_table_or_refused_by_name(state: State, event: Event) -> None:
    if (state, event) in TABLE:
        assert step(state, event) is TABLE[state, event]
    else:
        with pytest.raises(WrongStateError, match=str(event)) as refused:
            step(state, event)
        assert (refused.value.state, refused.value.event) == (state, event)


@pytest.mark.parametrize("fact", sorted(FACTS))
def test_what_cannot_be_prevented_is_legal_everywhere(fact: Event) -> None:
    assert {state for state, event in TABLE if event is fact} == set(State)


def test_ended_is_the_end() -> None:
    assert {after for (state, _), after in TABLE.items() if state is State.ENDED} == {State.ENDED}


def test_every_state_can_be_reached_and_left() -> None:
    assert set(TABLE.values()) | {State.RINGING} == set(State)


def test_a_card_is_charged_only_when_captured() -> None:
    assert [state for state, event in TABLE if event is Event.CHARGE] == [State.CAPTURED]


@given(st.lists(st.sampled_from(list(Event)), max_size=30))
def test_no_capture_without_having_moved(story: list[Event]) -> None:
    state, at_partner = State.RINGING, False
    for event in story:
        if (state, event) not in TABLE:
            continue
        state = step(state, event)
        if event is Event.MOVED:
            at_partner = True
        elif event is Event.CAME_HOME:
            at_partner = False
        if state in (State.SECURED, State.CAPTURING, State.CAPTURED, State.AUTHORISING):
            assert at_partner
