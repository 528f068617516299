"""The engine and money: declined, unclear, never seen, refused; one charge at a time, asked about and never sent twice."""

# mypy does not see that `>>` changes the story, and so takes an assertion for a fact about the rest of the test.
# mypy: disable-error-code="unreachable,comparison-overlap,attr-defined"

# mypy does not see that `>>` changes the story, and so takes an assertion for a fact about the rest of the test.
# mypy: disable-error-code="unreachable,comparison-overlap,attr-defined"
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from callseal.payments import engine
from callseal.payments import events as ev
from callseal.payments.errors import AmountLocked, ChargeStillOpen
from callseal.payments.limits import Limits
from callseal.payments.money import Money
from callseal.payments.names import By, ChargeState, Decline, Do, Event, Leg, Outcome, Place, State
from tests.unit.payments.there import AMOUNT, CARD

pytestmark = pytest.mark.unit


def test_declined_then_another_card(story: Any) -> None:
    story.authorising()
    first = story.charge_key
    story >> ev.ChargeDeclined(first, Decline.INSUFFICIENT_FUNDS)
    assert (story.state, story.session.notice) == (State.SECURED, "declined")
    assert story.session.result.reason is Decline.INSUFFICIENT_FUNDS
    assert story.session.capture is None, "the partner has forgotten the card"
    story >> ev.CapturePressed(CARD) >> ev.CaptureCompleted() >> ev.ChargePressed(AMOUNT)
    assert story.charge_key != first
    assert story.session.result is None
    story >> ev.ChargeApproved(story.charge_key)
    assert story.state is State.APPROVED


def test_an_unclear_charge_is_asked_about_and_never_sent_again(story: Any) -> None:
    story.authorising()
    key = story.charge_key
    story >> ev.ChargeUnclear(key, "timeout")
    assert story.said == [Do.QUERY_CHARGE]
    gaps: list[int] = []
    while story.state is State.AUTHORISING or len(gaps) < 9:
        before = story.now
        story.clock()
        if Do.QUERY_CHARGE in story.said:
            gaps.append(story.now - before)
        assert Do.CHARGE not in story.said
        if len(gaps) > 30:
            break
    assert story.state is State.OUTCOME_UNKNOWN
    assert max(gaps) <= story.limits.charge_query_most
    story >> ev.ChargeApproved(key)
    assert story.state is State.APPROVED
    assert story.session.charge.next_query_at is None


def test_a_charge_the_partner_never_saw_is_charged_again_under_the_same_key(story: Any) -> None:
    story.authorising()
    key = story.charge_key
    story >> ev.ChargeUnclear(key) >> ev.ChargeNotSeen(key)
    assert story.state is State.AUTHORISING, "a request may still be on its way"
    while story.state is State.AUTHORISING:
        story.clock()
    story >> ev.ChargeNotSeen(key)
    assert (story.state, story.session.notice) == (State.CAPTURED, "charge_not_seen")
    with pytest.raises(AmountLocked):
        story >> ev.ChargePressed(Money(1, "GBP"))
    story >> ev.ChargePressed(AMOUNT)
    assert story.command(Do.CHARGE).key == key


def test_a_slow_answer_is_waited_for_however_long_the_deployment_says(stories: Callable[..., Any]) -> None:
    story = stories(Limits(authorise=120_000)).authorising()
    story.later(90_000) >> ev.ChargeNotSeen(story.charge_key)
    assert story.state is State.AUTHORISING
    assert story.session.charge_open


def test_a_charge_that_was_refused_for_certain_gets_a_new_key(story: Any) -> None:
    story.authorising()
    key = story.charge_key
    story >> ev.ChargeRefused(key, "wrong_state")
    assert (story.state, story.session.notice) == (State.CAPTURED, "charge_refused")
    story >> ev.ChargePressed(AMOUNT)
    assert story.charge_key != key


def test_hang_up_between_charge_and_result_still_records_the_result(story: Any) -> None:
    story.authorising() >> ev.CallEnded(Leg.AGENT)
    assert (story.state, story.said) == (State.ENDED, [Do.FORGET_TOKEN, Do.ANNOTATE])
    assert story.session.result.outcome is Outcome.UNKNOWN
    assert not story.session.over
    story.clock()
    assert story.said == [Do.QUERY_CHARGE]
    story >> ev.ChargeApproved(story.charge_key, "A1B2C3")
    assert (story.state, story.said) == (State.ENDED, [Do.ANNOTATE])
    assert story.session.result.outcome is Outcome.APPROVED
    assert story.session.over


def test_after_hang_up_a_charge_never_seen_is_closed_only_after_a_while(story: Any) -> None:
    story.authorising() >> ev.CallEnded()
    story >> ev.ChargeNotSeen(story.charge_key)
    assert story.session.charge_open
    story.later(story.limits.charge_not_seen_for) >> ev.ChargeNotSeen(story.charge_key)
    assert story.session.over
    assert story.session.result is None
    story >> ev.ChargeApproved(story.charge_key, "LATE")
    assert story.session.result.outcome is Outcome.APPROVED, "nothing un-takes money"
    story >> ev.ChargeDeclined(story.charge_key)
    assert story.session.result.outcome is Outcome.APPROVED


def test_a_charge_without_outcome_is_abandoned_after_a_day(story: Any) -> None:
    story.authorising() >> ev.CallEnded()
    story.later(story.limits.charge_query_for).clock()
    assert story.session.charge.state is ChargeState.ABANDONED
    assert story.session.notice == "charge_abandoned"
    assert story.session.over


def test_no_second_payment_while_a_charge_is_open(story: Any) -> None:
    story.authorising() >> ev.PartnerReleased(By.PARTNER)
    story.home()
    assert story.state is State.RESTORING
    story >> ev.PartnerReleased(By.DESK)
    assert story.state is State.READY
    assert story.session.result.outcome is Outcome.UNKNOWN
    assert Event.SECURE_PRESSED not in engine.allowed(story.session)
    with pytest.raises(ChargeStillOpen):
        story >> ev.SecurePressed()
    story >> ev.ChargeDeclined(story.charge_key)
    assert story.said == [Do.ANNOTATE]
    assert (story >> ev.SecurePressed()).state is State.SECURING


def test_an_outcome_for_somebody_elses_charge_moves_nothing(story: Any) -> None:
    story.authorising()
    before = story.session
    story >> ev.ChargeApproved("another")
    assert story.session == before


@pytest.mark.parametrize("state", [State.AUTHORISING, State.OUTCOME_UNKNOWN])
def test_after_a_restart_the_charge_is_asked_about(story: Any, state: State) -> None:
    story.reach(state) >> ev.Restarted()
    assert (story.state, story.said) == (state, [Do.QUERY_MEDIA, Do.QUERY_CHARGE])
    assert not story.session.evidence.complete
    story >> ev.MediaSeen(Place.PARTNER, Place.HOME, fenced=True, anchored=True, asked_at=story.now)
    assert story.state is State.RESTORING
