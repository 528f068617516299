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
    for step in table.TABLE.values():
        if step.to is State.ENDED:
            assert step.do == (Do.FORGET_TOKEN, Do.ANNOTATE)
    assert all(step.to is None for (state, _), step in table.TABLE.items() if state is State.ENDED)


def test_the_hold_is_lifted_only_on_the_way_to_ready() -> None:
    lifted = [step.to or state for (state, _), step in table.TABLE.items() if Do.UNHOLD in step.do]
    assert lifted
    assert set(lifted) == {State.READY}


def test_every_way_home_holds_before_it_asks_for_release() -> None:
    ways = [
        step
        for (state, _), step in table.TABLE.items()
        if step.to in table.HOMEWARD and state not in table.HOMEWARD
    ]
    assert len(ways) > 30
    for step in ways:
        assert step.do.index(Do.HOLD) < step.do.index(Do.RELEASE)


def test_every_arrival_at_home_lifts_the_hold_and_resumes_the_recording() -> None:
    for (state, event), step in table.TABLE.items():
        if step.to is State.READY and state is not State.OFFERED:
            assert {Do.UNHOLD, Do.RESUME_RECORDING} <= set(step.do), (state, event)


def test_while_media_is_stuck_every_step_keeps_the_hold() -> None:
    for event in (Event.DEADLINE, Event.RELEASE_PRESSED, Event.RESTARTED, Event.HOLD_EXPIRED):
        step = table.lookup(State.MEDIA_AT_PARTNER, event)
        assert step is not None
        assert Do.HOLD in step.do
    for (_, event), step in table.TABLE.items():
        if step.to is State.MEDIA_AT_PARTNER:
            assert {Do.HOLD, Do.QUERY_MEDIA} <= set(step.do), event


def test_the_platform_hears_every_outcome() -> None:
    told = (State.APPROVED, State.OUTCOME_UNKNOWN, State.MEDIA_AT_PARTNER)
    for (state, event), step in table.TABLE.items():
        covered = state in table.COVERED
        if step.to in told or (event is Event.CHARGE_DECLINED and step.to):
            assert Do.ANNOTATE in step.do, (state, event)
        if (
            event in (Event.CHARGE_APPROVED, Event.CHARGE_DECLINED)
            and not covered
            and state is not State.SECURING
        ):
            assert Do.ANNOTATE in step.do, (state, event)


def test_a_restart_asks_the_world_before_it_believes_itself() -> None:
    for state in set(State) - {State.OFFERED, State.ENDED}:
        step = table.lookup(state, Event.RESTARTED)
        assert step is not None
        assert Do.QUERY_MEDIA in step.do, state
        assert (Do.QUERY_CHARGE in step.do) == (state in (State.AUTHORISING, State.OUTCOME_UNKNOWN))


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
