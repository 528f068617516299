"""The engine on the way to secured and back home: four proofs or none, holds that fail, legs that stray."""

# mypy does not see that `>>` changes the story, and so takes an assertion for a fact about the rest of the test.
# mypy: disable-error-code="unreachable,comparison-overlap,attr-defined"

# mypy does not see that `>>` changes the story, and so takes an assertion for a fact about the rest of the test.
# mypy: disable-error-code="unreachable,comparison-overlap,attr-defined"
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from callseal.payments import events as ev
from callseal.payments.names import By, Do, Leg, Place, State
from callseal.payments.session_table import COVERED
from tests.unit.payments.there import AGENT_THERE, CUSTOMER_THERE

pytestmark = pytest.mark.unit


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
    assert (story.state, story.said) == (State.RESTORING, [Do.HOLD, Do.RELEASE, Do.QUERY_MEDIA])


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
    assert (story.state, story.said) == (State.RESTORING, [Do.HOLD, Do.RELEASE, Do.QUERY_MEDIA])


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
