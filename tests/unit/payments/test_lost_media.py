"""A node dies: what the session becomes, and what the card says meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from callseal.payments import events as ev
from callseal.payments.names import By, Do, Leg, Place, State
from callseal.payments.session_table import COVERED

pytestmark = pytest.mark.unit


def test_an_open_call_says_so_and_says_when_it_is_back(story: Any) -> None:
    story.ready() >> ev.NodeLost("n1")
    assert (story.state, story.session.notice, story.said) == (State.READY, "node_lost", [Do.REFRESH])
    story >> ev.LegMoved(Leg.AGENT, Place.HOME, node="n2")
    assert story.session.notice == "node_lost", "half of it"
    story >> ev.LegMoved(Leg.CUSTOMER, Place.HOME, node="n2")
    assert (story.state, story.session.notice) == (State.READY, "media_back")
    assert story.said == [Do.UNHOLD], "the router holds what it anchors anew"
    assert story.session.touches("n2")
    assert not story.session.touches("n1")


def test_while_its_sound_is_lost_the_edge_is_asked_again(story: Any) -> None:
    """Nobody speaks, or the node was only silent: then no report of a move comes."""
    story.ready() >> ev.NodeLost("n1")
    for _ in range(2):
        story.clock()
        assert story.said == [Do.QUERY_MEDIA]
    story >> ev.MediaSeen(
        Place.HOME, Place.HOME, fenced=False, anchored=True, asked_at=2**60, customer_node="n2"
    )
    assert story.session.notice == "media_back"
    assert story.session.verify_at is None


def test_an_open_call_that_nobody_can_move_says_that_too(story: Any) -> None:
    story.ready() >> ev.NodeLost("n1") >> ev.RefreshFailed("unreachable")
    assert (story.state, story.session.notice) == (State.READY, "media_gone")


def test_a_call_without_sound_is_not_taken_for_one_that_vanished(story: Any) -> None:
    story.ready() >> ev.NodeLost("n1")
    story >> ev.MediaSeen(Place.UNKNOWN, Place.UNKNOWN, fenced=False, anchored=False, asked_at=2**60)
    assert story.state is State.READY


@pytest.mark.parametrize("state", [State.SECURED, State.CAPTURING, State.CAPTURED])
def test_secured_is_revoked_until_the_evidence_is_seen_again(story: Any, state: State) -> None:
    story.reach(state) >> ev.NodeLost("n1")
    assert (story.state, story.session.notice, story.said) == (State.SECURING, "node_lost", [Do.REFRESH])
    assert not any((story.session.evidence.customer_leg, story.session.evidence.agent_leg))
    assert story.session.evidence.partner, "the partner has said nothing else"
    story >> ev.LegMoved(Leg.CUSTOMER, Place.PARTNER, node="n2")
    story >> ev.LegMoved(Leg.AGENT, Place.PARTNER, fenced=False, node="n2")
    assert story.state is State.SECURING, "no fence, no secured"
    story >> ev.LegMoved(Leg.AGENT, Place.PARTNER, fenced=True, node="n2")
    assert (story.state, story.session.notice) == (state, None)


def test_it_goes_home_when_the_evidence_does_not_come(story: Any) -> None:
    story.secured() >> ev.NodeLost("n1")
    story.clock()
    assert (story.state, story.session.notice) == (State.RESTORING, "secure_timeout")
    assert story.said == [Do.HOLD, Do.RELEASE, Do.QUERY_MEDIA]


@pytest.mark.parametrize("state", [State.AUTHORISING, State.APPROVED, State.OUTCOME_UNKNOWN])
def test_with_money_on_its_way_it_goes_home_at_once(story: Any, state: State) -> None:
    story.reach(state) >> ev.NodeLost("n1")
    assert (story.state, story.session.notice) == (State.RESTORING, "node_lost")
    assert story.said == [Do.HOLD, Do.RELEASE]


def test_a_stuck_call_asks_for_a_refresh_with_every_try(story: Any) -> None:
    story.media_at_partner() >> ev.NodeLost("n1")
    assert Do.REFRESH in story.said
    story.clock()
    assert Do.REFRESH in story.said


def test_a_leg_of_which_the_partner_knows_nothing_is_brought_home_by_a_refresh(story: Any) -> None:
    """The answer to a re-INVITE was lost: the offer has moved the leg, and the partner says that it has nothing to release."""
    story.securing() >> ev.PartnerSecureFailed("timeout")
    story >> ev.MediaSeen(Place.PARTNER, Place.HOME, fenced=False, anchored=True, asked_at=2**60)
    story >> ev.PartnerReleased(By.DESK)
    story.clock()
    assert (story.state, story.session.notice) == (State.MEDIA_AT_PARTNER, "media_at_partner")
    assert story.said == [Do.HOLD, Do.RELEASE, Do.QUERY_MEDIA, Do.REFRESH, Do.ANNOTATE]
    story.clock()
    assert Do.REFRESH not in story.said, "it was asked to release again, and has not said yet what it has"
    story >> ev.PartnerReleased(By.DESK)
    story.clock()
    assert Do.REFRESH in story.said
    story >> ev.LegMoved(Leg.CUSTOMER, Place.HOME)
    assert story.state is State.READY


def test_each_live_state_does_something_about_it(stories: Callable[[], Any]) -> None:
    for state in set(State) - {State.ENDED}:
        story = stories().reach(state) >> ev.NodeLost("n1")
        assert {Do.REFRESH, Do.RELEASE} & set(story.said), state


def test_a_leg_on_another_node_keeps_its_place(story: Any) -> None:
    story.securing() >> ev.PartnerSecured()
    story >> ev.LegMoved(Leg.AGENT, Place.PARTNER, fenced=True, node="n2")
    story >> ev.LegMoved(Leg.CUSTOMER, Place.PARTNER, node="n1")
    story >> ev.NodeLost("n1")
    assert story.session.agent.place is Place.PARTNER
    assert story.session.fenced
    assert story.session.customer.place is Place.UNKNOWN
    assert not story.session.touches("n3")


@pytest.mark.parametrize("state", sorted(COVERED))
def test_a_silent_partner_takes_its_word_with_it(story: Any, state: State) -> None:
    story.reach(state) >> ev.PartnerSilent()
    assert (story.state, story.session.notice) == (State.RESTORING, "partner_gone")
    assert not story.session.evidence.partner
    while story.state is State.RESTORING:
        story.clock()
    assert story.state is State.MEDIA_AT_PARTNER, "the hold stays, and the card says where the sound is"
