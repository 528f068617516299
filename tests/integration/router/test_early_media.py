"""The partner has the media from the very start, of calls in and out: fenced from the first packet on, then home, and secured again."""

from __future__ import annotations

from typing import Literal

import pytest

from tests.integration.router.conftest import MakeRig
from tests.integration.router.hearing import fence_stands, heard_at_home, heard_while_secured
from tests.integration.router.rig import Rig
from tests.integration.router.story import (
    NUMBER,
    Leg,
    Story,
    greeted,
    only_the_partner_gets_keys,
    outbound,
    place,
)
from tests.integration.router.test_srtp import PLATFORM_SUITE, SRTP, keys_seen
from tests.support.sip_peer import Dialog, Message

pytestmark = pytest.mark.integration

EARLY = {"early_media": "true"}
ONE = {"anchors": '"one"'}


def first_shown(rig: Rig) -> Message:
    """The reply with the first SDP that the platform gets."""
    return next(message for message in rig.platform.heard if message.status and message.body)


def from_there_home_and_back(story: Story, first: Leg) -> None:
    rig = story.rig
    story.everybody_talks()
    heard_while_secured(story)
    fence_stands(story)
    only_the_partner_gets_keys(rig)
    story.restore(first)
    story.release_hold()
    heard_at_home(story)
    assert rig.anchored(story.platform.call_id, "agent"), "the partner knows the agent by this anchor alone"
    story.secure(first)
    fence_stands(story)
    only_the_partner_gets_keys(rig)
    story.restore(first)
    story.hang_up()
    assert not rig.anchored(story.platform.call_id, "agent")
    assert not rig.anchored(story.carrier.call_id, "customer")


@pytest.mark.compat
def test_of_a_call_in(make_rig: MakeRig) -> None:
    """(Whatever `early_media` says: the partner's first SDP says it. With two anchors: test_calls.py.)"""
    from_there_home_and_back(greeted(make_rig(settings=ONE)), "customer")


@pytest.mark.compat
@pytest.mark.parametrize(("anchors", "early"), [("one", 183), ("two", 200)])
def test_of_a_call_out(make_rig: MakeRig, anchors: str, early: Literal[183, 200]) -> None:
    rig = make_rig(settings=EARLY | {"anchors": f'"{anchors}"'})
    story = outbound(rig, keeps=early)
    shown = first_shown(rig)
    assert shown.status == early
    assert place(shown.body)[0] == str(rig.deployment.edges[0].media)
    from_there_home_and_back(story, "agent")


@pytest.mark.parametrize("direction", ["in", "out"])
def test_with_srtp(make_rig: MakeRig, direction: str) -> None:
    """At home the partner has keys of two anchors, and none that the platform was shown."""
    rig = make_rig(settings=SRTP | EARLY | ONE)
    if direction == "in":
        from_there_home_and_back(greeted(rig), "customer")
    else:
        from_there_home_and_back(outbound(rig, keeps=183), "agent")
    assert {key.suite.name for key in keys_seen(rig.platform)} == {PLATFORM_SUITE}


def test_a_partner_that_was_said_not_to_do_so_is_not_heard(make_rig: MakeRig) -> None:
    """It knows the agent's own address, where no fence would stand before it; so it is not told a word more."""
    rig = make_rig(settings=ONE)
    platform = Dialog.new(rig.platform, f"sip:+447700900555@{rig.kamailio.sip[0]}", user=NUMBER)
    platform.request("INVITE", sdp=rig.agent_media.sdp())
    leg1 = rig.partner.expect_request("INVITE")
    partner_agent = Dialog.of(rig.partner, leg1)
    partner_agent.reply(leg1, 183, sdp=rig.partner_agent_media.sdp())
    assert platform.provisional(183).body == ""
    assert not rig.anchored(platform.call_id, "agent")


def test_an_ordinary_call_out_of_such_a_partner(make_rig: MakeRig) -> None:
    """It need not have the media: with its anchor standing the call is one with two anchors."""
    rig = make_rig(settings=EARLY | ONE)
    story = outbound(rig)
    story.everybody_talks()
    heard_at_home(story)
    story.secure("agent")
    from_there_home_and_back(story, "agent")
