"""What an edge saw in an earlier attempt proves nothing in this one."""

from __future__ import annotations

import pytest

from callseal.payments import commands as cmd
from callseal.payments import events as ev
from callseal.payments.names import By, Do, Leg, Place, State
from tests.unit.payments.conftest import Story

pytestmark = pytest.mark.unit


def number(story: Story) -> int:
    """Of the hold that the press has just asked for, as the edge reads it."""
    hold = story.command(Do.HOLD)
    assert isinstance(hold, cmd.Hold)
    return int(hold.key.rpartition(".")[2])


def moved(leg: Leg, where: Place, hold: int, edge: str = "edge-1") -> ev.LegMoved:
    return ev.LegMoved(leg, where, fenced=leg is Leg.AGENT, edge=edge, hold=hold)


@pytest.fixture
def second(story: Story) -> tuple[Story, int, int]:
    """A second attempt, the partner's word is there already; the numbers of both holds."""
    story.ready() >> ev.SecurePressed("alice")
    first = number(story)
    story >> ev.HoldFailed("no_such_leg") >> ev.SecurePressed("alice")
    again = number(story)
    story >> ev.HoldConfirmed() >> ev.PartnerSecured()
    assert story.state is State.SECURING
    assert first < again
    return story, first, again


def test_old_reports_do_not_make_it_secure(second: tuple[Story, int, int]) -> None:
    story, first, _ = second
    story >> moved(Leg.AGENT, Place.PARTNER, first) >> moved(Leg.CUSTOMER, Place.PARTNER, first)
    assert story.state is State.SECURING
    assert not story.session.evidence.customer_leg
    assert not story.session.evidence.agent_leg
    assert not story.session.legs_home, "and nobody may believe that nothing has moved"


def test_reports_of_this_attempt_do(second: tuple[Story, int, int]) -> None:
    story, first, again = second
    story >> moved(Leg.AGENT, Place.PARTNER, first)
    story >> moved(Leg.AGENT, Place.PARTNER, again) >> moved(Leg.CUSTOMER, Place.PARTNER, again)
    assert story.state is State.SECURED


@pytest.mark.parametrize(("edge", "hold"), [("edge-1", 0), ("edge-2", 1)])
def test_an_edge_that_knows_no_number_is_believed(
    second: tuple[Story, int, int], edge: str, hold: int
) -> None:
    """It was started meanwhile, or the hold went to another edge."""
    story, _, _ = second
    story >> moved(Leg.AGENT, Place.PARTNER, hold, edge) >> moved(Leg.CUSTOMER, Place.PARTNER, hold, edge)
    assert story.state is State.SECURED


def test_an_old_report_that_a_leg_is_home_does_not_bring_the_call_home(
    second: tuple[Story, int, int],
) -> None:
    story, first, again = second
    story >> moved(Leg.AGENT, Place.PARTNER, again) >> ev.CancelPressed() >> ev.PartnerReleased(By.DESK)
    states = [(story >> moved(Leg.AGENT, Place.HOME, hold)).state for hold in (first, again)]
    assert states == [State.RESTORING, State.READY]


def test_the_way_home_keeps_the_number_of_the_press(second: tuple[Story, int, int]) -> None:
    """Its own hold has a later number; what was seen between the two is of this attempt."""
    story, _, again = second
    story >> ev.CancelPressed()
    assert number(story) > again
    assert story.session.hold == again
    assert story.session.hold_edge == "edge-1"
