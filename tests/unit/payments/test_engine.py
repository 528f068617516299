"""Payment stories, told as ladders."""

# mypy does not see that `>>` changes the story, and so takes an assertion for a fact about the rest of the test.
# mypy: disable-error-code="unreachable,comparison-overlap,attr-defined"
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from callseal.payments import engine
from callseal.payments import events as ev
from callseal.payments.errors import (
    AmountLocked,
    CallOver,
    ChargeStillOpen,
    FieldNotAsked,
    PaymentsAreOff,
    Refusal,
    WrongState,
)
from callseal.payments.limits import Limits
from callseal.payments.money import Money
from callseal.payments.names import (
    PRESSES,
    Brand,
    By,
    ChargeState,
    Decline,
    Do,
    Event,
    FieldFault,
    FieldName,
    FieldState,
    Leg,
    Outcome,
    PaymentsOff,
    Place,
    State,
)
from callseal.payments.session_table import COVERED

pytestmark = pytest.mark.unit

AMOUNT = Money(4250, "GBP")
CARD = (FieldName.CARD_NUMBER, FieldName.EXPIRY, FieldName.SECURITY_CODE)
CUSTOMER_THERE = ev.LegMoved(Leg.CUSTOMER, Place.PARTNER)
AGENT_THERE = ev.LegMoved(Leg.AGENT, Place.PARTNER, fenced=True)


def test_a_paid_call(story: Any) -> None:
    assert story.said == [Do.ANNOTATE]
    assert (story >> ev.Annotated()).state is State.READY
    story >> ev.SecurePressed("alice")
    assert (story.state, story.said) == (State.SECURING, [Do.HOLD, Do.PAUSE_RECORDING])
    story >> ev.HoldConfirmed()
    assert story.said == [Do.SECURE]
    story >> ev.PartnerSecured() >> AGENT_THERE
    assert story.state is State.SECURING
    story >> CUSTOMER_THERE
    assert (story.state, story.said) == (State.SECURED, [])
    story >> ev.CapturePressed(CARD)
    assert (story.state, story.said) == (State.CAPTURING, [Do.CAPTURE])
    (
        story
        >> ev.FieldStarted(FieldName.CARD_NUMBER)
        >> ev.DigitCounted(FieldName.CARD_NUMBER, 4, 16, 16, Brand.VISA)
    )
    row = story.session.capture.fields[0]
    assert (row.state, row.count, row.brand) == (FieldState.ACTIVE, 4, Brand.VISA)
    story >> ev.FieldCompleted(FieldName.CARD_NUMBER, "•••• 4242", Brand.VISA, "4242")
    assert story.session.capture.fields[0].state is FieldState.VALID
    story >> ev.CaptureCompleted()
    assert story.state is State.CAPTURED
    story >> ev.ChargePressed(AMOUNT, "alice")
    assert (story.state, story.said) == (State.AUTHORISING, [Do.CHARGE])
    story >> ev.ChargeApproved(story.charge_key, "A1B2C3", Brand.VISA, "4242")
    assert (story.state, story.said) == (State.APPROVED, [Do.ANNOTATE])
    story >> ev.ReleasePressed()
    assert (story.state, story.said) == (State.RESTORING, [Do.HOLD, Do.RELEASE])
    story.home()
    assert story.state is State.RESTORING, "the partner has not said yet that it let go"
    story >> ev.PartnerReleased(By.DESK)
    assert (story.state, story.said) == (State.READY, [Do.UNHOLD, Do.RESUME_RECORDING, Do.ANNOTATE])
    assert story.session.result.authorisation_code == "A1B2C3"
    story >> ev.CallEnded(Leg.CUSTOMER)
    assert (story.state, story.said) == (State.ENDED, [Do.FORGET_TOKEN, Do.ANNOTATE])


@pytest.mark.parametrize("missing", ["partner", "customer_leg", "agent_leg", "fence"])
def test_three_of_four_are_not_secure(story: Any, missing: str) -> None:
    story.securing()
    if missing != "partner":
        story >> ev.PartnerSecured()
    if missing != "customer_leg":
        story >> CUSTOMER_THERE
    if missing != "agent_leg":
        story >> ev.LegMoved(Leg.AGENT, Place.PARTNER, fenced=missing != "fence")
    assert story.state is State.SECURING
    assert (story.clock().state, story.session.notice) == (State.RESTORING, "secure_timeout")


def test_an_unproven_move_is_no_evidence(story: Any) -> None:
    (
        story.securing()
        >> ev.PartnerSecured()
        >> AGENT_THERE
        >> ev.LegMoved(Leg.CUSTOMER, Place.PARTNER, proved=False)
    )
    assert story.state is State.SECURING
    assert story.session.customer.place is Place.UNKNOWN


@pytest.mark.parametrize("state", COVERED)
@pytest.mark.parametrize(
    "loss",
    [
        ev.LegMoved(Leg.AGENT, Place.PARTNER, fenced=False),
        ev.LegMoved(Leg.AGENT, Place.HOME),
        ev.LegMoved(Leg.CUSTOMER, Place.HOME),
        ev.LegRefused(Leg.CUSTOMER, 488),
        ev.MediaSilent(Leg.AGENT),
        ev.MediaSeen(Place.PARTNER, Place.PARTNER, fenced=False, anchored=True, asked_at=2**60),
        ev.MediaSeen(Place.UNKNOWN, Place.PARTNER, fenced=True, anchored=True, asked_at=2**60),
        ev.PartnerReleased(By.PARTNER),
        ev.EdgeLost(),
    ],
    ids=lambda event: f"{event.name}-{getattr(event, 'leg', '')}",
)
def test_secured_is_revoked_when_any_part_goes_away(story: Any, state: State, loss: ev.Happening) -> None:
    story.reach(state) >> loss
    assert (story.state, story.said) == (State.RESTORING, [Do.HOLD, Do.RELEASE])
    assert story.session.capture is None


def test_the_hold_fails_and_nobody_asks_the_partner(story: Any) -> None:
    story.ready() >> ev.SecurePressed() >> ev.HoldFailed("409")
    assert (story.state, story.said) == (State.READY, [Do.UNHOLD, Do.RESUME_RECORDING])
    assert story.session.notice == "hold_failed"


def test_a_hold_that_fails_after_the_partner_was_asked_goes_home_properly(story: Any) -> None:
    story.securing() >> ev.HoldFailed("again")
    assert (story.state, story.said) == (State.RESTORING, [Do.HOLD, Do.RELEASE])


@pytest.mark.parametrize("state", [State.RESTORING, State.MEDIA_AT_PARTNER, State.SECURED])
def test_a_hold_that_fails_later_is_not_asked_for_in_a_loop(story: Any, state: State) -> None:
    story.reach(state) >> ev.HoldFailed("no_such_leg")
    assert (story.state, story.said) == (state, [])


def test_a_new_attempt_does_not_wait_for_the_partners_last_word(story: Any) -> None:
    story.securing().clock().clock()
    assert story.session.notice == "partner_silent"
    story >> ev.SecurePressed() >> ev.HoldConfirmed() >> ev.SecureNotSent("refused")
    assert (story.state, story.session.notice) == (State.READY, "partner_unreachable")


def test_a_partner_that_was_never_reached_costs_nothing(story: Any) -> None:
    story.securing() >> ev.SecureNotSent("refused")
    assert (story.state, story.session.notice) == (State.READY, "partner_unreachable")
    assert Do.UNHOLD in story.said


def test_a_partner_that_moved_although_nobody_reached_it_is_brought_home(story: Any) -> None:
    story.securing() >> AGENT_THERE >> ev.SecureNotSent("refused")
    assert (story.state, story.said) == (State.RESTORING, [Do.HOLD, Do.RELEASE])


def test_secure_timeout_with_legs_at_home_ends_in_ready_even_if_the_partner_is_silent(story: Any) -> None:
    story.securing().clock()
    assert story.state is State.RESTORING
    story.clock()
    assert (story.state, story.session.notice) == (State.READY, "partner_silent")


def test_a_late_success_of_the_partner_is_brought_home(story: Any) -> None:
    story.securing().clock() >> ev.PartnerReleased(By.DESK)
    assert story.state is State.READY
    story >> ev.PartnerSecured()
    assert (story.state, story.session.notice) == (State.RESTORING, "unasked_secure")


def test_a_leg_that_strays_is_brought_home(story: Any) -> None:
    story.ready() >> CUSTOMER_THERE
    assert (story.state, story.said) == (State.RESTORING, [Do.HOLD, Do.RELEASE])


def test_our_release_overtook_the_partners_success(story: Any) -> None:
    story.securing() >> ev.CancelPressed() >> ev.PartnerSecured()
    assert (story.state, story.said) == (State.RESTORING, [Do.RELEASE])


def test_glare_is_waited_for_and_a_refusal_is_not(story: Any, stories: Callable[[], Any]) -> None:
    story.securing() >> ev.LegRefused(Leg.AGENT, 491)
    assert story.state is State.SECURING
    story >> ev.LegUndone(Leg.AGENT) >> ev.PartnerSecured() >> AGENT_THERE >> CUSTOMER_THERE
    assert story.state is State.SECURED
    other = stories().securing() >> ev.LegRefused(Leg.AGENT, 488)
    assert (other.state, other.session.notice) == (State.RESTORING, "leg_refused")


def test_an_undone_leg_is_where_it_was(story: Any) -> None:
    story.securing() >> ev.PartnerSecureFailed("refused") >> ev.LegRefused(Leg.CUSTOMER, 488)
    assert story.session.customer.place is Place.UNKNOWN
    story >> ev.PartnerReleased(By.DESK)
    assert story.state is State.RESTORING
    story >> ev.LegUndone(Leg.CUSTOMER)
    assert story.state is State.READY


def test_legs_that_do_not_come_home_keep_the_hold(story: Any) -> None:
    story.restoring().clock()
    assert (story.state, story.said) == (
        State.MEDIA_AT_PARTNER,
        [Do.HOLD, Do.RELEASE, Do.QUERY_MEDIA, Do.ANNOTATE],
    )
    first = story.command(Do.HOLD)
    for _ in range(3):
        story.clock()
        assert story.said == [Do.HOLD, Do.RELEASE, Do.QUERY_MEDIA]
        assert story.limits.restore_again < story.limits.hold, "the hold must not lapse between two tries"
    assert story.command(Do.HOLD).key != first.key
    story >> ev.MediaSeen(Place.HOME, Place.HOME, fenced=False, anchored=True, asked_at=story.now + 1)
    assert story.state is State.READY
    assert Do.UNHOLD in story.said


def test_a_partner_that_is_stuck_says_so_at_once(story: Any) -> None:
    story.restoring() >> ev.PartnerReleased(By.DESK, stuck=True)
    assert (story.state, story.session.notice) == (State.MEDIA_AT_PARTNER, "media_at_partner")


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


@pytest.mark.parametrize(
    ("state", "goes"),
    [(State.SECURED, State.SECURED), (State.CAPTURING, State.CAPTURING), (State.CAPTURED, State.CAPTURED)],
)
def test_after_a_restart_nothing_is_secured_before_the_edge_says_so(
    story: Any, state: State, goes: State
) -> None:
    story.reach(state) >> ev.Restarted()
    assert (story.state, story.said) == (State.SECURING, [Do.QUERY_MEDIA])
    assert not story.session.evidence.customer_leg
    story >> ev.MediaSeen(Place.PARTNER, Place.PARTNER, fenced=True, anchored=True, asked_at=story.now)
    assert (story.state, story.said) == (goes, [])


def test_after_a_restart_silence_of_the_edge_brings_the_call_home(story: Any) -> None:
    story.secured() >> ev.Restarted()
    assert story.clock().state is State.RESTORING


@pytest.mark.parametrize("state", [State.AUTHORISING, State.OUTCOME_UNKNOWN])
def test_after_a_restart_the_charge_is_asked_about(story: Any, state: State) -> None:
    story.reach(state) >> ev.Restarted()
    assert (story.state, story.said) == (state, [Do.QUERY_MEDIA, Do.QUERY_CHARGE])
    assert not story.session.evidence.complete
    story >> ev.MediaSeen(Place.PARTNER, Place.HOME, fenced=True, anchored=True, asked_at=story.now)
    assert story.state is State.RESTORING


def test_a_fence_on_a_leg_that_is_nowhere_is_no_evidence(story: Any) -> None:
    story.secured() >> ev.LegRefused(Leg.AGENT, 488)
    assert not story.session.evidence.fence


def test_an_old_answer_about_media_is_not_believed(story: Any) -> None:
    story.secured()
    asked = story.now - 1
    story >> ev.MediaSeen(Place.HOME, Place.HOME, fenced=False, anchored=True, asked_at=asked)
    assert story.state is State.SECURED


def test_evidence_is_asked_for_again_while_secured(story: Any) -> None:
    story.secured().clock()
    assert story.said == [Do.QUERY_MEDIA]
    version = story.session.version
    story >> ev.MediaSeen(Place.PARTNER, Place.PARTNER, fenced=True, anchored=True, asked_at=story.now)
    assert (story.state, story.commands) == (State.SECURED, [])
    assert story.session.version == version, "nothing an agent can see has changed"


def test_the_capture_has_a_time_for_each_field_and_one_for_all(story: Any) -> None:
    story.capturing()
    begun = story.now
    for _ in range(20):
        if story.session.deadline_at == begun + story.limits.overall:
            break
        story.later(50_000) >> ev.DigitCounted(FieldName.CARD_NUMBER, 1, 16, 16)
    while story.state is State.CAPTURING:
        story.clock()
    assert story.now == begun + story.limits.overall
    assert (story.state, story.said) == (State.SECURED, [Do.CANCEL_CAPTURE])


def test_fields_reset_time_out_and_turn_invalid(story: Any) -> None:
    story.capturing() >> ev.FieldStarted(FieldName.EXPIRY) >> ev.DigitCounted(FieldName.EXPIRY, 4, 4, 4)
    story >> ev.FieldInvalid(FieldName.EXPIRY, FieldFault.MONTH)
    row = story.session.capture.fields[1]
    assert (row.state, row.count, row.reason) == (FieldState.INVALID, 0, FieldFault.MONTH)
    story >> ev.FieldStarted(FieldName.EXPIRY)
    assert story.session.capture.fields[1].reason is FieldFault.MONTH
    story >> ev.DigitCounted(FieldName.EXPIRY, 1, 4, 4)
    assert story.session.capture.fields[1].reason is None
    story >> ev.FieldTimedOut(FieldName.EXPIRY)
    assert (story.session.capture.fields[1].state, story.session.notice) == (
        FieldState.WAITING,
        "field_timed_out",
    )
    story >> ev.ResetPressed(FieldName.EXPIRY)
    assert story.command(Do.RESET).field is FieldName.EXPIRY
    with pytest.raises(FieldNotAsked):
        story >> ev.ResetPressed(FieldName.POSTAL_CODE)
    story >> ev.FieldStarted(FieldName.POSTAL_CODE)
    assert [row.name for row in story.session.capture.fields][-1] is FieldName.POSTAL_CODE
    story >> ev.FieldStarted(FieldName.EXPIRY)
    active = [row.name for row in story.session.capture.fields if row.state is FieldState.ACTIVE]
    assert active == [FieldName.EXPIRY]


def test_reset_after_all_fields_were_valid_captures_again(story: Any) -> None:
    story.captured() >> ev.ResetPressed(None)
    assert (story.state, story.said) == (State.CAPTURING, [Do.RESET])


def test_payments_off(stories: Callable[[], Any]) -> None:
    story = stories()
    story.session = replace(story.session, payments_off=PaymentsOff.NO_TOKEN)
    story.ready()
    assert engine.allowed(story.session) == ()
    with pytest.raises(PaymentsAreOff):
        story >> ev.SecurePressed()


def test_the_platform_may_be_silent_or_refuse(story: Any, stories: Callable[[], Any]) -> None:
    story.clock()
    assert (story.state, story.session.notice) == (State.READY, "platform_silent")
    other = stories() >> ev.AnnotateFailed("410")
    assert (other.state, other.session.notice) == (State.READY, "platform_silent")


def test_a_call_the_edge_forgot_is_over(story: Any) -> None:
    story.ready().clock()
    assert story.said == [Do.QUERY_MEDIA]
    story >> ev.MediaSeen(Place.UNKNOWN, Place.UNKNOWN, fenced=False, anchored=False, asked_at=story.now)
    assert (story.state, story.session.notice) == (State.ENDED, "call_vanished")


def test_a_call_whose_leg_nobody_named_is_not_taken_for_gone(story: Any) -> None:
    story.ready()
    story.session = replace(story.session, customer_call_id="")
    story >> ev.MediaSeen(Place.UNKNOWN, Place.UNKNOWN, fenced=False, anchored=False, asked_at=story.now)
    assert story.state is State.READY


def test_a_deadline_that_comes_too_early_says_nothing(story: Any) -> None:
    story.securing()
    before = story.session
    story >> ev.DeadlinePassed()
    assert (story.session, story.commands) == (before, [])


def test_a_press_clears_the_last_notice_and_a_refused_press_changes_nothing(story: Any) -> None:
    story.securing().clock().clock()
    assert story.session.notice
    before = story.session
    with pytest.raises(WrongState):
        story >> ev.ChargePressed(AMOUNT)
    assert story.session == before
    assert (story >> ev.SecurePressed()).session.notice is None


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("leg", list(Leg))
def test_a_bye_ends_every_state_and_forgets(story: Any, state: State, leg: Leg) -> None:
    story.reach(state) >> ev.CallEnded(leg)
    assert story.state is State.ENDED
    assert story.session.capture is None
    assert story.session.deadline_at is None
    assert (Do.FORGET_TOKEN in story.said) == (state is not State.ENDED)
    with pytest.raises(CallOver):
        story >> ev.SecurePressed()


def test_allowed_presses_are_taken_and_the_others_refused(stories: Callable[[], Any]) -> None:
    presses = {
        Event.SECURE_PRESSED: ev.SecurePressed(),
        Event.CAPTURE_PRESSED: ev.CapturePressed(CARD),
        Event.RESET_PRESSED: ev.ResetPressed(),
        Event.CHARGE_PRESSED: ev.ChargePressed(AMOUNT),
        Event.CANCEL_PRESSED: ev.CancelPressed(),
        Event.RELEASE_PRESSED: ev.ReleasePressed(),
    }
    assert set(presses) == PRESSES
    for state in State:
        for name, press in presses.items():
            story = stories().reach(state)
            if name in engine.allowed(story.session):
                story >> press
            else:
                with pytest.raises(Refusal):
                    story >> press
