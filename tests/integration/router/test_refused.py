"""A re-INVITE that is refused has moved media at its offer already: the router puts it back, both ways."""

from __future__ import annotations

import pytest

from tests.integration.router.conftest import MakeRig
from tests.integration.router.rig import AGENT, CUSTOMER, PARTNER_AGENT, PARTNER_CUSTOMER, Rig
from tests.integration.router.story import Leg, Story, inbound, place

pytestmark = pytest.mark.integration


def refuse(story: Story, leg: Leg, sdp: str, code: int) -> None:
    cseq = story.offer(leg, sdp)
    far = story.far(leg)
    far.reply(far.incoming("INVITE"), code)
    assert story.near(leg).answered(cseq).status == code
    story.near(leg).ack(cseq)


@pytest.mark.compat
@pytest.mark.parametrize(
    ("leg", "code"), [("customer", 488), ("customer", 491), ("agent", 491), ("agent", 603)]
)
def test_refused_secure_is_undone_both_ways(rig: Rig, leg: Leg, code: int) -> None:
    story = inbound(rig)
    story.everybody_talks()
    refuse(story, leg, story.partner_media(leg).sdp(20), code)
    told = rig.sink.wait_leg(leg, "refused", "partner")
    assert told["code"] == str(code)
    rig.sink.wait_leg(leg, "undone", "home")
    assert rig.agent_media.wait_voice(CUSTOMER) >= 15
    assert rig.customer_media.wait_voice(AGENT) >= 15
    # Home: no fence is left behind.
    rig.customer_media.press()
    rig.agent_media.wait_voice(CUSTOMER)
    assert rig.agent_media.events() == 6
    # And the next try works.
    story.secure()
    assert rig.partner_customer_media.wait_voice(CUSTOMER) >= 15
    assert rig.agent_media.wait_voice(PARTNER_AGENT) >= 15


@pytest.mark.compat
@pytest.mark.parametrize("leg", ["customer", "agent"])
def test_refused_restore_leaves_media_at_the_partner(rig: Rig, leg: Leg) -> None:
    story = inbound(rig)
    story.everybody_talks()
    story.secure()
    refuse(story, leg, story.home[leg], 491)
    rig.sink.wait_leg(leg, "undone", "partner")
    assert rig.partner_customer_media.wait_voice(CUSTOMER) >= 15
    assert rig.customer_media.wait_voice(PARTNER_CUSTOMER) >= 15
    assert rig.agent_media.wait_voice(PARTNER_AGENT) >= 15
    assert rig.partner_agent_media.wait_voice(AGENT) >= 15
    rig.agent_media.clear()
    rig.partner_agent_media.press()
    rig.agent_media.wait_voice(PARTNER_AGENT)
    assert rig.agent_media.events() == 0, "the fence is gone although the agent leg is still at the partner"


def test_re_invite_that_nobody_answers_is_undone(rig: Rig) -> None:
    story = inbound(rig)
    story.everybody_talks()
    cseq = story.offer("customer", rig.partner_customer_media.sdp(20))
    story.carrier.incoming("INVITE")
    # It is told with its answer; where none comes, by itself.
    rig.sink.wait(lambda sink: "customer offered partner" in sink.kinds(), "offer without an answer", 1.0)
    assert story.partner_customer.answered(cseq).status == 408
    rig.sink.wait_leg("customer", "undone", "home")
    assert rig.agent_media.wait_voice(CUSTOMER) >= 15
    assert rig.customer_media.wait_voice(AGENT) >= 15


def test_refused_hold_of_the_platform_leaves_media_open(rig: Rig) -> None:
    """Glare from the other side: the platform's refresh crosses the partner's re-INVITE and is refused."""
    story = inbound(rig)
    story.everybody_talks()
    cseq = story.platform.request("INVITE", sdp=rig.agent_media.sdp(5, direction="inactive"))
    story.partner_agent.reply(story.partner_agent.incoming("INVITE"), 491)
    assert story.platform.answered(cseq).status == 491
    story.platform.ack(cseq)
    assert rig.agent_media.wait_voice(CUSTOMER) >= 15
    assert rig.customer_media.wait_voice(AGENT) >= 15


def test_refused_refresh_does_not_count_as_a_move(rig: Rig) -> None:
    story = inbound(rig)
    refuse(story, "customer", story.home["customer"], 491)
    refuse(story, "agent", story.home["agent"], 491)
    story.hang_up()
    rig.sink.wait_leg("agent", "ended")
    assert sorted(rig.sink.kinds()) == ["agent ended home", "customer ended home"]


def test_refresh_does_not_hold_anybody(rig: Rig) -> None:
    """A session-timer re-INVITE of the partner at home is no way home: nobody is muted."""
    story = inbound(rig)
    story.everybody_talks()
    for leg in ("customer", "agent"):
        story.move(
            "customer" if leg == "customer" else "agent",
            story.home["customer" if leg == "customer" else "agent"],
        )
    assert rig.agent_media.wait_voice(CUSTOMER) >= 15
    assert rig.customer_media.wait_voice(AGENT) >= 15
    assert rig.sink.kinds() == []


def test_undo_can_be_seen_to_fail(make_rig: MakeRig) -> None:
    rig = make_rig(edits=(("	if (!route(UNDO)) {", "	if (1 == 1) {"),))
    story = inbound(rig)
    story.everybody_talks()
    refuse(story, "customer", rig.partner_customer_media.sdp(20), 488)
    assert rig.agent_media.wait_voice(CUSTOMER, timeout_s=1.0) < 15
    assert rig.partner_customer_media.wait_voice(CUSTOMER) >= 15, "media moves at the offer"
    assert place(story.at_carrier) == rig.customer_media.target
