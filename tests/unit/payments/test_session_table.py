"""Every cell of the table, and the page that is drawn from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from callseal.payments import session_table as table
from callseal.payments.limits import Limits
from callseal.payments.names import CONCLUSIONS, FACTS, PRESSES, Do, Event, State
from callseal.payments.notices import NOTICES
from callseal.payments.table_page import page

pytestmark = pytest.mark.unit

PAGE = Path(__file__).parents[3] / "docs/reference/session-table.md"
CELLS = [(state, event) for state in State for event in Event]


@pytest.mark.parametrize(("state", "event"), CELLS)
def test_each_cell_is_a_step_a_refusal_or_no_conclusion(state: State, event: Event) -> None:
    step = table.lookup(state, event)
    if event in FACTS:
        assert step is not None, "a fact may never be refused"
    elif step is None:
        assert event in PRESSES or event in CONCLUSIONS


def test_the_three_kinds_of_events_cover_all_and_do_not_overlap() -> None:
    assert set(Event) == PRESSES | FACTS | CONCLUSIONS
    assert len(PRESSES) + len(FACTS) + len(CONCLUSIONS) == len(Event)
    assert {"secure_pressed", "release_pressed"} < PRESSES
    assert {"evidence_complete", "call_vanished"} < CONCLUSIONS


def test_two_rows_for_one_cell_are_an_error() -> None:
    row = table.on(State.READY, Event.SECURE_PRESSED, State.SECURING)
    with pytest.raises(ValueError, match="two rows for secure_pressed in ready"):
        table.build([row, row])


def test_only_complete_evidence_leads_into_secured() -> None:
    ways = {e for (s, e), step in table.TABLE.items() if step.to is State.SECURED and s not in table.COVERED}
    assert ways == {Event.EVIDENCE_COMPLETE}


def test_no_press_leads_into_a_covered_state_from_outside() -> None:
    for (state, event), step in table.TABLE.items():
        if step.to in table.COVERED and state not in table.COVERED:
            assert state is State.SECURING
            assert event in CONCLUSIONS


def test_every_live_state_can_end_and_nothing_leaves_the_end() -> None:
    for state in table.LIVE:
        for event in (Event.CALL_ENDED, Event.PARTNER_ENDED):
            step = table.lookup(state, event)
            assert step is not None
            assert step.to is State.ENDED
            assert Do.FORGET_TOKEN in step.do
    assert all(step.to is None for (state, _), step in table.TABLE.items() if state is State.ENDED)


def test_the_hold_is_lifted_only_on_the_way_to_ready() -> None:
    lifted = [step.to for step in table.TABLE.values() if Do.UNHOLD in step.do]
    assert lifted
    assert set(lifted) == {State.READY}


def test_money_moves_on_one_row() -> None:
    rows = [cell for cell, step in table.TABLE.items() if Do.CHARGE in step.do]
    assert rows == [(State.CAPTURED, Event.CHARGE_PRESSED)]


def test_each_covered_state_is_left_when_any_evidence_goes() -> None:
    for state in table.COVERED:
        step = table.lookup(state, Event.EVIDENCE_LOST)
        assert step is not None
        assert step.to is State.RESTORING
        assert step.do[0] is Do.HOLD


def test_each_state_can_be_reached(stories: Callable[[], Any]) -> None:
    for state in State:
        stories().reach(state)


def test_every_notice_has_words_and_every_word_has_a_row() -> None:
    used = {step.notice for step in table.TABLE.values() if step.notice}
    assert used | {"charge_abandoned"} == set(NOTICES)
    for notice in NOTICES.values():
        assert notice.text.endswith(".")
        assert notice.advice.endswith(".")


def test_deadlines_name_limits_that_exist() -> None:
    for state, deadline in table.DEADLINES.items():
        assert getattr(Limits(), deadline.limit) > 0
        assert table.lookup(state, Event.DEADLINE) is not None
    assert set(State) - set(table.DEADLINES) == {State.ENDED}


def test_a_deadline_always_changes_something() -> None:
    """Else the scheduler would report it for ever."""
    for state in table.DEADLINES:
        step = table.lookup(state, Event.DEADLINE)
        assert step is not None
        assert step.to is not None or step.rearm, state


def test_the_page_is_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "run `python -m callseal.payments.table_page > docs/reference/session-table.md`"
    )
