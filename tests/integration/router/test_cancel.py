"""CANCEL in every race, on either leg and of a re-INVITE: the anchors go, and nobody is left with half a call."""

from __future__ import annotations

import pytest

from tests.integration.router.hearing import heard_at_home
from tests.integration.router.rig import Rig
from tests.integration.router.story import NUMBER, TOKEN, Leg, inbound, second_headers, second_leg
from tests.support.sip_peer import Dialog, Message

pytestmark = pytest.mark.integration

BRANCH = "z9hG4bKcancel"


def ring(rig: Rig, branch: str) -> tuple[Dialog, int, Message]:
    """The carrier calls; the partner has the INVITE and has not answered yet."""
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    cseq = carrier.request("INVITE", sdp=rig.customer_media.sdp(), branch=branch)
    return carrier, cseq, rig.partner.expect_request("INVITE")


@pytest.mark.compat
def test_cancel_before_any_reply(rig: Rig) -> None:
    """The edge may not send CANCEL before it has heard something (RFC 3261 9.1): it waits for the first sign of life."""
    carrier, cseq, leg1 = ring(rig, BRANCH + "1")
    carrier.request("CANCEL", cseq=cseq, branch=BRANCH + "1")
    assert carrier.answered(cseq, "CANCEL").status == 200
    partner = Dialog.of(rig.partner, leg1)
    assert rig.partner.untaken("CANCEL") == []
    partner.reply(leg1, 180)
    cancel = rig.partner.expect_request("CANCEL")
    assert cancel.branch == leg1.branch
    rig.partner.reply(cancel, 200)
    partner.reply(leg1, 487)
    assert carrier.answered(cseq).status == 487
    assert not rig.anchored(carrier.call_id, "customer")
    assert rig.platform.untaken("INVITE") == []


def test_cancel_of_a_call_that_nobody_hears_is_no_bypass(rig: Rig) -> None:
    """The partner is silent and the customer has given up: the call does not go on to the platform without them."""
    carrier, cseq, _ = ring(rig, BRANCH + "2")
    carrier.request("CANCEL", cseq=cseq, branch=BRANCH + "2")
    assert carrier.answered(cseq, "CANCEL").status == 200
    assert carrier.answered(cseq).status in (408, 487)
    assert not rig.anchored(carrier.call_id, "customer")
    assert rig.platform.untaken("INVITE") == []
    assert rig.sink.handoffs == []


@pytest.mark.compat
def test_cancel_that_crosses_the_answer(rig: Rig) -> None:
    """The 200 wins (RFC 3261 9.1): the customer's side hangs up what it no longer wants, and the anchor goes then."""
    carrier, cseq, leg1 = ring(rig, BRANCH + "3")
    partner = Dialog.of(rig.partner, leg1)
    partner.reply(leg1, 180)
    carrier.provisional(180)
    carrier.request("CANCEL", cseq=cseq, branch=BRANCH + "3")
    # The partner has answered before it reads the CANCEL. (Sent at once by both, whichever worker is scheduled first would decide.)
    cancel = rig.partner.expect_request("CANCEL")
    partner.reply(leg1, 200, sdp=rig.partner_customer_media.sdp())
    rig.partner.reply(cancel, 481)
    assert carrier.answered(cseq).status == 200
    carrier.ack(cseq)
    partner.incoming("ACK")
    assert rig.anchored(carrier.call_id, "customer")
    bye = carrier.request("BYE")
    partner.reply(partner.incoming("BYE"), 200)
    assert carrier.answered(bye, "BYE").status == 200
    assert not rig.anchored(carrier.call_id, "customer")


@pytest.mark.compat
def test_cancel_after_the_answer_changes_nothing(rig: Rig) -> None:
    story = inbound(rig)
    story.everybody_talks()
    cseq = story.carrier.request("INVITE", sdp=rig.customer_media.sdp(2), branch=BRANCH + "4")
    story.partner_customer.reply(story.partner_customer.incoming("INVITE"), 200, sdp=story.home["customer"])
    assert story.carrier.answered(cseq).status == 200
    story.carrier.ack(cseq)
    story.carrier.request("CANCEL", cseq=cseq, branch=BRANCH + "4")
    assert story.carrier.answered(cseq, "CANCEL").status in (200, 481)
    assert rig.partner.untaken("CANCEL") == []
    heard_at_home(story)
    story.hang_up()


def test_cancel_of_nothing_is_told_so(rig: Rig) -> None:
    """RFC 3261 9.2: 481. A known peer would else repeat it until it gives up."""
    dialog = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    dialog.request("CANCEL", cseq=7, branch=BRANCH + "5")
    assert dialog.answered(7, "CANCEL").status == 481
    assert rig.partner.untaken("CANCEL") == []


@pytest.mark.two_anchors
@pytest.mark.compat
def test_cancel_of_the_second_leg(rig: Rig) -> None:
    carrier, cseq, leg1 = ring(rig, BRANCH + "6")
    partner_customer = Dialog.of(rig.partner, leg1)
    partner_agent = second_leg(rig, leg1)
    second = partner_agent.request(
        "INVITE", sdp=leg1.body, headers=second_headers(leg1, TOKEN), branch=BRANCH + "7"
    )
    leg2 = rig.platform.expect_request("INVITE")
    platform = Dialog.of(rig.platform, leg2)
    platform.reply(leg2, 183, sdp=rig.agent_media.sdp())
    partner_agent.provisional(183)
    assert rig.anchored(partner_agent.call_id, "agent")
    partner_agent.request("CANCEL", cseq=second, branch=BRANCH + "7")
    rig.platform.reply(rig.platform.expect_request("CANCEL"), 200)
    platform.reply(leg2, 487)
    assert partner_agent.answered(second).status == 487
    assert not rig.anchored(partner_agent.call_id, "agent")
    partner_customer.reply(leg1, 487)
    assert carrier.answered(cseq).status == 487
    assert not rig.anchored(carrier.call_id, "customer")


@pytest.mark.compat
@pytest.mark.parametrize("leg", ["customer", "agent"])
def test_cancelled_re_invite_is_undone(rig: Rig, leg: Leg) -> None:
    """Media moves at the offer; the partner that takes it back before the answer finds media where it was."""
    story = inbound(rig)
    story.everybody_talks()
    near, far = story.near(leg), story.far(leg)
    branch = f"{BRANCH}8{leg}"
    cseq = near.request("INVITE", sdp=story.partner_media(leg).sdp(20), branch=branch)
    request = far.incoming("INVITE")
    far.reply(request, 180)
    near.provisional(180)
    near.request("CANCEL", cseq=cseq, branch=branch)
    far.peer.reply(far.peer.expect_request("CANCEL"), 200)
    far.reply(request, 487)
    assert near.answered(cseq).status == 487
    near.ack(cseq)
    rig.sink.wait_leg(leg, "undone", "home")
    heard_at_home(story)
