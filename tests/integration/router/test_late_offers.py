"""Re-INVITEs and calls out without SDP: the offer comes in the 200, the answer in the ACK. Fence and hold do not miss it."""

from __future__ import annotations

import pytest

from tests.integration.router.hearing import (
    fence_stands,
    heard_at_home,
    heard_while_secured,
    secured_and_heard,
)
from tests.integration.router.rig import AGENT, CUSTOMER, Rig
from tests.integration.router.story import NUMBER, TOKEN, Leg, Story, inbound, second_headers, second_leg
from tests.support.sip_peer import Dialog

pytestmark = pytest.mark.integration


def late_move(story: Story, leg: Leg, answer: str) -> None:
    """The partner asks for an offer and answers it with `answer`; it talks to what it was offered."""
    near, far = story.near(leg), story.far(leg)
    cseq = near.request("INVITE")
    request = far.incoming("INVITE")
    assert request.body == ""
    far.reply(request, 200, sdp=story.far_media(leg).sdp(story.next_version()))
    offer = near.answered(cseq)
    assert offer.status == 200
    near.ack(cseq, answer)
    taken = far.incoming("ACK")
    story.far_media(leg).send_to(taken.body)
    if answer != story.home[leg]:
        story.partner_media(leg).send_to(offer.body)


@pytest.mark.compat
@pytest.mark.parametrize("first", ["agent", "customer"])
def test_a_line_is_secured_and_comes_home_by_late_offers_of_the_partner(rig: Rig, first: Leg) -> None:
    """Fenced from the ACK on; held on the way home as if the offer had been early."""
    story = inbound(rig)
    story.everybody_talks()
    heard_at_home(story)
    second: Leg = "customer" if first == "agent" else "agent"
    for leg in (first, second):
        late_move(story, leg, story.partner_media(leg).sdp(story.next_version()))
    heard_while_secured(story)
    fence_stands(story)
    rig.sink.wait_leg("customer", "answered", "partner")
    rig.sink.wait_leg("agent", "answered", "partner")
    rig.agent_media.clear()
    rig.customer_media.press()
    rig.partner_customer_media.wait_voice(CUSTOMER)
    assert rig.agent_media.voices(CUSTOMER) == 0
    for leg in (first, second):
        story.partner_media(leg).target = None
        late_move(story, leg, story.home[leg])
    rig.sink.wait_leg("customer", "held", "home")
    rig.agent_media.clear()
    assert rig.customer_media.wait_voice(AGENT) >= 15
    assert rig.agent_media.voices(CUSTOMER) == 0, "not held on the way home"
    story.release_hold()
    heard_at_home(story)
    story.hang_up()


@pytest.mark.compat
def test_a_call_out_without_an_offer(rig: Rig) -> None:
    platform = Dialog.new(rig.platform, f"sip:+447700900555@{rig.kamailio.sip[0]}", user=NUMBER)
    first = platform.request("INVITE")
    leg1 = rig.partner.expect_request("INVITE")
    assert leg1.body == ""
    partner_agent, partner_customer = Dialog.of(rig.partner, leg1), second_leg(rig, leg1)
    second = partner_customer.request("INVITE", headers=second_headers(leg1, TOKEN))
    leg2 = rig.carrier.expect_request("INVITE")
    carrier = Dialog.of(rig.carrier, leg2)
    carrier.reply(leg2, 200, sdp=rig.customer_media.sdp())
    offer2 = partner_customer.answered(second)
    partner_agent.reply(leg1, 200, sdp=offer2.body)
    offer1 = platform.answered(first)
    platform.ack(first, rig.agent_media.sdp())
    answer1 = partner_agent.incoming("ACK")
    partner_customer.ack(second, answer1.body)
    answer2 = carrier.incoming("ACK")
    story = Story(rig, carrier, partner_customer, partner_agent, platform, direction="out")
    story.home = {"agent": offer2.body, "customer": answer1.body}
    story.at_platform, story.at_carrier = offer1.body, answer2.body
    story.everybody_talks()
    heard_at_home(story)
    assert rig.sink.kinds() == [], "nobody has moved, nobody is held"
    secured_and_heard(story)
    story.restore()
    rig.sink.wait_leg("customer", "held", "home")
    story.release_hold()
    heard_at_home(story)
    story.hang_up()
