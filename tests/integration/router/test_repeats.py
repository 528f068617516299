"""What UDP does to SIP: several answers, messages twice, messages that never come."""

from __future__ import annotations

import pytest

from tests.integration.router.hearing import heard_at_home
from tests.integration.router.rig import AGENT, CUSTOMER, Rig
from tests.integration.router.story import (
    NUMBER,
    TOKEN,
    inbound,
    place,
    second_headers,
    second_leg,
)
from tests.support.rtp_talker import Talker
from tests.support.sip_peer import Dialog, tag_of

pytestmark = pytest.mark.integration


@pytest.mark.compat
def test_forked_ringing_with_several_tags(rig: Rig) -> None:
    """Two devices ring with early media and a third answers: its media, and its To tag, are the call's."""
    story_tags = []
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    first = carrier.request("INVITE", sdp=rig.customer_media.sdp())
    leg1 = rig.partner.expect_request("INVITE")
    partner_customer, partner_agent = Dialog.of(rig.partner, leg1), second_leg(rig, leg1)
    second = partner_agent.request("INVITE", sdp=leg1.body, headers=second_headers(leg1, TOKEN))
    leg2 = rig.platform.expect_request("INVITE")
    with Talker(rig.platform.address, 0x55) as one, Talker(rig.platform.address, 0x56) as two:
        for status, device in ((183, one), (180, None), (183, two)):
            Dialog.of(rig.platform, leg2).reply(leg2, status, sdp=device.sdp() if device else "")
            story_tags.append(tag_of(partner_agent.provisional(status).get("To")))
    platform = Dialog.of(rig.platform, leg2)
    platform.reply(leg2, 200, sdp=rig.agent_media.sdp())
    answer2 = partner_agent.answered(second)
    assert len({*story_tags, tag_of(answer2.get("To"))}) == 4
    partner_customer.reply(leg1, 200, sdp=answer2.body)
    answer1 = carrier.answered(first)
    carrier.ack(first)
    partner_agent.ack(second)
    platform.incoming("ACK")
    rig.customer_media.target, rig.agent_media.target = place(answer1.body), place(leg2.body)
    assert rig.agent_media.wait_voice(CUSTOMER) >= 15
    assert rig.customer_media.wait_voice(AGENT) >= 15


@pytest.mark.compat
def test_everything_twice(rig: Rig) -> None:
    """Requests and answers come twice, from every side: one hand-off, one INVITE onwards, one move, and the answers come twice."""
    for peer in rig.peers:
        send = peer.send
        peer.send = lambda message, send=send: (send(message), send(message))[0]  # type: ignore[method-assign,misc]
    try:
        story = inbound(rig)
        story.everybody_talks()
        story.secure()
        story.restore()
        story.hang_up()
    finally:
        for peer in rig.peers:
            del peer.send
    rig.sink.wait_leg("agent", "ended")
    assert len(rig.sink.handoffs) == 1
    assert sorted(rig.sink.kinds()) == sorted(
        [
            *(
                f"{leg} {kind} {where}"
                for leg in ("customer", "agent")
                for where in ("partner", "home")
                for kind in ("offered", "answered")
            ),
            "customer unheld partner",
            "customer held home",
            "customer ended home",
            "agent ended home",
        ]
    )
    for peer in (rig.carrier, rig.partner, rig.platform):
        for method in ("INVITE", "BYE"):
            assert peer.untaken(method) == []
    assert not rig.anchored(story.carrier.call_id, "customer")
    assert not rig.anchored(story.partner_agent.call_id, "agent")


def test_lost_ack(rig: Rig) -> None:
    """The first ACK is lost: the 200 comes again with the same SDP, the ACK to that one arrives."""
    story = inbound(rig)
    story.everybody_talks()
    cseq = story.offer("customer", rig.partner_customer_media.sdp(30))
    request = story.carrier.incoming("INVITE")
    answer = rig.customer_media.sdp(30)
    story.carrier.reply(request, 200, sdp=answer)
    first = story.partner_customer.answered(cseq)
    story.carrier.reply(request, 200, sdp=answer)
    again = story.partner_customer.answered(cseq)
    assert place(first.body) == place(again.body)
    story.partner_customer.ack(cseq)
    story.carrier.incoming("ACK")
    rig.sink.wait(lambda sink: f"ack {story.reference} customer {cseq}" in sink.acks, "ACK")
    rig.sink.wait(lambda sink: "customer answered partner" in sink.kinds("customer"), "notice of the answer")
    assert rig.sink.kinds("customer").count("customer answered partner") == 1


def test_lost_bye(rig: Rig) -> None:
    """The far side never answers: the edge repeats the BYE, then says 408; anchor and hand-off have ended long before."""
    story = inbound(rig)
    byes: list[bytes] = []

    def count(data: bytes) -> bool:
        if data.startswith(b"BYE "):
            byes.append(data)
        return False

    rig.partner.intercept = count
    try:
        started = story.carrier.request("BYE")
        story.partner_customer.incoming("BYE")
        rig.sink.wait_leg("customer", "ended")
        assert not rig.anchored(story.carrier.call_id, "customer")
        assert story.carrier.answered(started, "BYE", timeout_s=12).status == 408
    finally:
        rig.partner.intercept = None
    assert len(byes) > 3


@pytest.mark.compat
@pytest.mark.parametrize("code", [302, 404, 480, 500, 603])
def test_refusal_of_the_first_invite(rig: Rig, code: int) -> None:
    """Of either leg: passed on with its code, the anchor goes; a redirection loses its Contact, it would lead round the edge."""
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    first = carrier.request("INVITE", sdp=rig.customer_media.sdp())
    leg1 = rig.partner.expect_request("INVITE")
    back = second_leg(rig, leg1)
    second = back.request("INVITE", sdp=leg1.body, headers=second_headers(leg1, TOKEN))
    leg2 = rig.platform.expect_request("INVITE")
    Dialog.of(rig.platform, leg2).reply(leg2, code)
    final2 = back.answered(second)
    Dialog.of(rig.partner, leg1).reply(leg1, code)
    final1 = carrier.answered(first)
    for final in (final1, final2):
        assert final.status == code
        if code == 302:
            assert final.get("Contact") == ""
    assert not rig.anchored(back.call_id, "agent")
    assert not rig.anchored(carrier.call_id, "customer")


@pytest.mark.parametrize("code", [302, 404, 500, 606])
def test_refusal_of_a_re_invite(rig: Rig, code: int) -> None:
    story = inbound(rig)
    story.everybody_talks()
    cseq = story.offer("customer", rig.partner_customer_media.sdp(20))
    story.carrier.reply(story.carrier.incoming("INVITE"), code)
    assert story.partner_customer.answered(cseq).status == code
    story.partner_customer.ack(cseq)
    rig.sink.wait_leg("customer", "undone", "home")
    heard_at_home(story)
