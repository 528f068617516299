"""rtpengine, the edge agent or the fence fail: media is never relayed untouched, and no call waits for anybody."""

from __future__ import annotations

import time

import pytest

from tests.integration.router.conftest import MakeRig
from tests.integration.router.rig import AGENT, CUSTOMER, Rig
from tests.integration.router.story import NUMBER, TOKEN, inbound, place, second_headers, second_leg
from tests.support.sip_peer import Dialog

pytestmark = pytest.mark.integration


@pytest.mark.compat
def test_rtpengine_down(rig: Rig) -> None:
    story = inbound(rig)
    rig.rtpengine.kill()
    try:
        cseq = story.offer("customer", rig.partner_customer_media.sdp(5))
        assert story.partner_customer.answered(cseq).status == 500
        story.partner_customer.ack(cseq)
        cseq = story.platform.request("INVITE", sdp=rig.agent_media.sdp(5))
        assert story.platform.answered(cseq).status == 500
        story.platform.ack(cseq)
        assert rig.carrier.untaken("INVITE") == rig.partner.untaken("INVITE") == []
        dialog = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
        assert dialog.answered(dialog.request("INVITE", sdp=rig.customer_media.sdp())).status == 503
        assert rig.partner.untaken("INVITE") == []
    finally:
        rig.rtpengine.restart()
    # A call that it lost is anchored anew by the next re-INVITE; new calls find it again within its time-out.
    story.move("customer", story.home["customer"])
    assert rig.anchored(story.carrier.call_id, "customer")
    deadline = time.monotonic() + 8
    while not rig.partner.untaken("INVITE") and time.monotonic() < deadline:
        Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}").request(
            "INVITE", sdp=rig.customer_media.sdp()
        )
        time.sleep(0.2)
    for leg1 in rig.partner.untaken("INVITE"):
        rig.partner.reply(leg1, 486, tag="x")
    assert rig.partner.untaken("INVITE")


def test_answer_that_rtpengine_does_not_take_loses_its_sdp(rig: Rig) -> None:
    story = inbound(rig)
    cseq = story.offer("agent", rig.partner_agent_media.sdp(5))
    request = story.platform.incoming("INVITE")
    rig.rtpengine.kill()
    try:
        story.platform.reply(request, 200, sdp=rig.agent_media.sdp(5))
        assert story.partner_agent.answered(cseq).body == ""
    finally:
        rig.restart_rtpengine()


@pytest.mark.compat
def test_fence_that_is_not_confirmed_is_refused(make_rig: MakeRig) -> None:
    """rtpengine does not say ok to the fence (here: it is asked about a party that does not exist)."""
    rig = make_rig(
        edits=(
            (
                '" label=partner" + FENCE_SECURITY;',
                '" label=nobody" + FENCE_SECURITY;',
            ),
        )
    )
    story = inbound(rig)
    story.everybody_talks()
    cseq = story.offer("agent", rig.partner_agent_media.sdp(5))
    assert story.partner_agent.answered(cseq).status == 488
    story.partner_agent.ack(cseq)
    assert story.platform.peer.untaken("INVITE") == []
    assert rig.count("fence_unconfirmed") == 1
    assert rig.agent_media.wait_voice(CUSTOMER) >= 15
    assert rig.customer_media.wait_voice(AGENT) >= 15


@pytest.mark.compat
def test_hold_that_cannot_be_set_keeps_media_at_the_partner(make_rig: MakeRig) -> None:
    rig = make_rig(
        edits=(
            (
                'block_media("call-id=$avp(anchor) label=carrier")',
                'block_media("call-id=$avp(anchor) label=nobody")',
            ),
        )
    )
    story = inbound(rig)
    story.everybody_talks()
    story.secure()
    cseq = story.offer("customer", story.home["customer"])
    assert story.partner_customer.answered(cseq).status == 500
    assert story.carrier.peer.untaken("INVITE") == []
    assert rig.partner_customer_media.wait_voice(CUSTOMER) >= 15
    assert rig.count("hold_failed") == 1


@pytest.mark.compat
@pytest.mark.parametrize("fault", ["slow", "refusing", "gone"])
def test_no_call_waits_for_the_edge_agent(rig: Rig, fault: str) -> None:
    if fault == "slow":
        rig.sink.delay_s = 1.0
    elif fault == "refusing":
        rig.sink.status = 500
    else:
        rig.sink.close()
    started = time.monotonic()
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    carrier.request("INVITE", sdp=rig.customer_media.sdp())
    leg1 = rig.partner.expect_request("INVITE")
    back = second_leg(rig, leg1)
    second = back.request("INVITE", sdp=leg1.body, headers=second_headers(leg1, TOKEN))
    leg2 = rig.platform.expect_request("INVITE")
    assert time.monotonic() - started < 0.7
    rig.platform.reply(leg2, 486, tag="x")
    assert back.answered(second).status == 486
    if fault == "gone":
        rig.reopen_sink()
    rig.sink.status = 204
    # It is back, and is told what it missed.
    rig.sink.wait(lambda sink: any(h["token"] == TOKEN for h in sink.handoffs), "hand-off", 6)


def test_call_ends_at_the_edge_even_when_the_far_side_is_silent(rig: Rig) -> None:
    story = inbound(rig)
    story.everybody_talks()
    story.carrier.request("BYE")
    story.partner_customer.incoming("BYE")
    rig.sink.wait_leg("customer", "ended")
    assert not rig.anchored(story.carrier.call_id, "customer")
    assert place(story.at_carrier) == rig.customer_media.target
