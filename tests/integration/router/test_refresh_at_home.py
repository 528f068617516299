"""One anchor: an agent leg at home has no anchor that could say where it was. A refresh is no way home, and what has been lost is."""

from __future__ import annotations

import time

import pytest

from tests.integration.router.conftest import MakeRig
from tests.integration.router.rig import Rig
from tests.integration.router.story import inbound, outbound
from tests.integration.router.test_refused import refuse

pytestmark = pytest.mark.integration


@pytest.fixture
def one(make_rig: MakeRig) -> Rig:
    return make_rig(settings={"anchors": '"one"'})


@pytest.mark.compat
@pytest.mark.parametrize("direction", ["in", "out"])
def test_a_refresh_is_told_to_nobody(one: Rig, direction: str) -> None:
    story = inbound(one) if direction == "in" else outbound(one)
    moves = one.count("refused_moves"), one.count("undone_moves")
    for leg in ("customer", "agent"):
        story.move(leg, story.home[leg])
        refuse(story, leg, story.home[leg], 491)
    assert (one.count("refused_moves"), one.count("undone_moves")) == moves
    story.secure()
    story.restore()
    one.sink.wait_leg("agent", "answered", "home")
    told = one.sink.kinds("agent")
    story.move("agent", story.home["agent"])
    story.hang_up()
    one.sink.wait_leg("agent", "ended")
    assert told == [
        "agent offered partner",
        "agent answered partner",
        "agent offered home",
        "agent answered home",
    ]
    assert one.sink.kinds("agent") == [*told, "agent ended home"]


@pytest.mark.compat
def test_a_way_home_after_a_node_has_died_is_told(one: Rig) -> None:
    """Its anchor is gone, as if there had never been one; but the node is younger than the call."""
    story = inbound(one)
    time.sleep(2.1)
    story.secure()
    one.rtpengine.kill()
    one.restart_rtpengine()
    one.sink.forget()
    story.move("agent", story.home["agent"])
    one.sink.wait_leg("agent", "offered", "home")
    one.sink.wait_leg("agent", "answered", "home")
