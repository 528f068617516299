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
from callseal.payments.errors import CallOver, FieldNotAsked, PaymentsAreOff, Refusal, WrongState
from callseal.payments.names import (
    PRESSES,
    Brand,
    By,
    Do,
    Event,
    FieldFault,
    FieldName,
    FieldState,
    Leg,
    PaymentsOff,
    Place,
    State,
)
from tests.unit.payments.there import AGENT_THERE, AMOUNT, CARD, CUSTOMER_THERE

pytestmark = pytest.mark.unit


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
