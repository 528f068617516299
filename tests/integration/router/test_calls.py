"""Calls in both directions, without a payment: who hears whom, what each side is shown."""

from __future__ import annotations

import base64
import re
import time

import pytest

from callseal.render import derive, mac
from tests.integration.router.conftest import MakeRig
from tests.integration.router.rig import AGENT, CUSTOMER, PARTNER_AGENT, Rig
from tests.integration.router.story import (
    NUMBER,
    TOKEN,
    Story,
    greeted,
    inbound,
    outbound,
    place,
    second_headers,
    second_leg,
)
from tests.support.rtp_talker import Talker, sdp
from tests.support.sip_peer import Dialog

pytestmark = pytest.mark.integration

OURS = re.compile(r"callseal|kamailio|rtpengine", re.IGNORECASE)


def talk(story: Story) -> None:
    story.everybody_talks()
    assert story.rig.agent_media.wait_voice(CUSTOMER) >= 15
    assert story.rig.customer_media.wait_voice(AGENT) >= 15


@pytest.mark.compat
def test_inbound_call_talks_both_ways_and_ends(rig: Rig) -> None:
    story = inbound(rig)
    talk(story)
    story.hang_up()
    assert not rig.anchored(story.carrier.call_id, "customer")
    assert not rig.anchored(story.partner_agent.call_id, "agent")


@pytest.mark.compat
def test_outbound_call_talks_both_ways_and_ends(rig: Rig) -> None:
    story = outbound(rig)
    talk(story)
    handoff = rig.sink.handoffs[0]
    assert (handoff["direction"], handoff["tenant"], handoff["token"]) == ("out", "acme", TOKEN)
    assert handoff["customer_call_id"] == story.carrier.call_id
    assert handoff["agent_call_id"] == story.platform.call_id
    # The agent's side hangs up.
    cseq = story.platform.request("BYE")
    story.partner_agent.reply(story.partner_agent.incoming("BYE"), 200)
    assert story.platform.answered(cseq, "BYE").status == 200
    rig.sink.wait_leg("agent", "ended")


@pytest.mark.two_anchors
def test_what_each_side_is_shown(rig: Rig) -> None:
    story = inbound(rig)
    handoff = rig.sink.handoffs[0]
    assert {name: handoff[name] for name in handoff if name != "reference"} == {
        "tenant": "acme",
        "number": NUMBER,
        "direction": "in",
        "token": TOKEN,
        "partner": "sandbox",
        "reason": "",
        "caller": "+447700900123",
        "called": NUMBER,
        "customer_call_id": story.carrier.call_id,
        "agent_call_id": story.partner_agent.call_id,
        "node": "1",
        "region": "local",
    }
    assert re.fullmatch("[0-9a-f]{32}", story.reference)
    assert story.leg2_invite is not None
    assert story.leg1_invite is not None
    assert story.leg2_invite.get("X-Call-Reference") == story.reference
    assert TOKEN not in story.leg2_invite.text
    assert story.leg2_invite.get("X-Route-Cookie") == ""
    assert story.leg2_invite.uri == f"sip:{NUMBER}@{rig.platform.address}:5060"
    assert story.leg1_invite.get("X-Call-Reference") == ""
    # Nobody is sent anybody's media address but the edge's, nor the product's name.
    for message in (*rig.carrier.heard, *rig.partner.heard, *rig.platform.heard):
        assert not OURS.search(message.text), message.text
        if message.body:
            assert place(message.body)[0] == str(rig.deployment.edges[0].media)


@pytest.mark.compat
def test_cookie_and_reference_are_signed_as_the_contract_says(rig: Rig) -> None:
    """The script's MAC and the library's are the same function."""
    story = inbound(rig)
    assert story.leg1_invite is not None
    keys = derive(rig.deployment.signing.current.secret.reveal())
    signed, _, signature = story.leg1_invite.get("X-Route-Cookie").rpartition(".")
    assert signature == mac(keys, signed)
    version, key_id, payload = signed.split(".")
    assert (version, key_id) == ("1", "k1")
    fields = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()
    reference = mac(keys, f"ref|{story.carrier.call_id}")
    expiry = int(fields.partition(";e=")[2].partition(";")[0])
    assert (
        fields == f"rf={reference};d=in;n={NUMBER};t=acme;e={expiry};rn=1;rg=local;ci={story.carrier.call_id}"
    )
    assert 0 < expiry - time.time() <= 300
    assert story.reference == reference
    route = story.leg1_invite.get("Record-Route")
    text = f"1|k1|c|1|i|{reference}|{story.carrier.call_id}"
    assert f";v=1;k=k1;lg=c;rn=1;d=i;rf={reference};sg={mac(keys, text)}" in route


@pytest.mark.compat
def test_early_media(rig: Rig) -> None:
    story = inbound(rig, early_media=True)
    talk(story)


@pytest.mark.compat
def test_late_offer(rig: Rig) -> None:
    """INVITE without SDP: the platform offers in its 200, the carrier answers in its ACK."""
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    first = carrier.request("INVITE")
    leg1 = rig.partner.expect_request("INVITE")
    assert leg1.body == ""
    partner_customer = Dialog.of(rig.partner, leg1)
    partner_agent = second_leg(rig, leg1)
    second = partner_agent.request("INVITE", headers=second_headers(leg1, TOKEN))
    leg2 = rig.platform.expect_request("INVITE")
    platform = Dialog.of(rig.platform, leg2)
    platform.reply(leg2, 200, sdp=rig.agent_media.sdp())
    offer2 = partner_agent.answered(second)
    partner_customer.reply(leg1, 200, sdp=offer2.body)
    offer1 = carrier.answered(first)
    carrier.ack(first, rig.customer_media.sdp())
    answer1 = partner_customer.incoming("ACK")
    partner_agent.ack(second, answer1.body)
    answer2 = platform.incoming("ACK")
    rig.customer_media.send_to(offer1.body)
    rig.agent_media.send_to(answer2.body)
    assert rig.agent_media.wait_voice(CUSTOMER) >= 15
    assert rig.customer_media.wait_voice(AGENT) >= 15
    # A late offer that moves the customer leg: the partner's SDP comes in the ACK, and so does the unhold.
    story = Story(rig, carrier, partner_customer, partner_agent, platform)
    cseq = story.offer("customer", "")
    carrier.reply(carrier.incoming("INVITE"), 200, sdp=rig.customer_media.sdp(2))
    final = partner_customer.answered(cseq)
    partner_customer.ack(cseq, rig.partner_customer_media.answer(final.body))
    carrier.incoming("ACK")
    rig.partner_customer_media.send_to(final.body)
    assert rig.partner_customer_media.wait_voice(CUSTOMER) >= 15
    rig.sink.wait_leg("customer", "answered", "partner")
    rig.sink.wait_leg("customer", "unheld", "partner")


@pytest.mark.compat
@pytest.mark.parametrize("same", [False, True])
def test_partner_may_keep_the_call_id(rig: Rig, same: bool) -> None:
    """Same Call-ID and the same From tag on both legs: face and signed parameters tell the legs apart."""
    story = inbound(rig, same_call_id=same)
    talk(story)
    story.secure()
    assert rig.partner_customer_media.wait_voice(CUSTOMER) >= 15
    assert rig.partner_agent_media.wait_voice(AGENT) >= 15
    story.restore()
    story.release_hold()
    talk(story)
    story.hang_up()


def test_hold_and_resume_by_the_platform(rig: Rig) -> None:
    story = inbound(rig)
    talk(story)
    for version, direction, other in ((2, "sendonly", "recvonly"), (3, "sendrecv", "sendrecv")):
        cseq = story.platform.request("INVITE", sdp=rig.agent_media.sdp(version, direction=direction))
        request = story.partner_agent.incoming("INVITE")
        assert f"a={direction}" in request.body
        onward = story.partner_customer.request("INVITE", sdp=request.body)
        at_carrier = story.carrier.incoming("INVITE")
        assert f"a={direction}" in at_carrier.body
        story.carrier.reply(at_carrier, 200, sdp=rig.customer_media.sdp(version, direction=other))
        answer = story.partner_customer.answered(onward)
        story.partner_customer.ack(onward)
        story.partner_agent.reply(request, 200, sdp=answer.body)
        assert f"a={other}" in story.platform.answered(cseq).body
        story.platform.ack(cseq)
    talk(story)


def test_update_moves_media_too(rig: Rig) -> None:
    story = inbound(rig)
    talk(story)
    cseq = story.partner_customer.request("UPDATE", sdp=rig.partner_customer_media.sdp(5))
    story.carrier.reply(story.carrier.incoming("UPDATE"), 200, sdp=rig.customer_media.sdp(5))
    assert story.partner_customer.answered(cseq, "UPDATE").status == 200
    assert rig.partner_customer_media.wait_voice(CUSTOMER) >= 15
    rig.sink.wait_leg("customer", "answered", "partner")


def test_prack_passes(rig: Rig) -> None:
    """On either leg."""
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    first = carrier.request("INVITE", sdp=rig.customer_media.sdp(), headers=("Supported: 100rel",))
    leg1 = rig.partner.expect_request("INVITE")
    partner = Dialog.of(rig.partner, leg1)
    headers = ("Require: 100rel", "RSeq: 1")
    partner.reply(leg1, 183, sdp=sdp(str(rig.deployment.edges[0].media), 30000), headers=headers)
    ringing = carrier.provisional(183)
    carrier.learn(ringing)
    cseq = carrier.request("PRACK", headers=(f"RAck: 1 {first} INVITE",))
    partner.reply(partner.incoming("PRACK"), 200)
    assert carrier.answered(cseq, "PRACK").status == 200
    back = second_leg(rig, leg1)
    headers2 = (*second_headers(leg1, TOKEN), "Supported: 100rel")
    second = back.request("INVITE", sdp=leg1.body, headers=headers2)
    leg2 = rig.platform.expect_request("INVITE")
    assert leg2.get("Supported") == "100rel"
    platform = Dialog.of(rig.platform, leg2)
    platform.reply(leg2, 183, sdp=rig.agent_media.sdp(), headers=headers)
    ringing = back.provisional(183)
    assert (ringing.get("Require"), ringing.get("RSeq")) == ("100rel", "1")
    back.learn(ringing)
    cseq = back.request("PRACK", headers=(f"RAck: 1 {second} INVITE",))
    request = platform.incoming("PRACK")
    assert request.get("RAck") == f"1 {second} INVITE"
    platform.reply(request, 200)
    assert back.answered(cseq, "PRACK").status == 200


def test_cancel_reaches_the_partner_and_the_anchor_goes(rig: Rig) -> None:
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    branch = "z9hG4bKcancelled"
    first = carrier.request("INVITE", sdp=rig.customer_media.sdp(), branch=branch)
    leg1 = rig.partner.expect_request("INVITE")
    partner = Dialog.of(rig.partner, leg1)
    partner.reply(leg1, 180)
    carrier.provisional(180)
    carrier.request("CANCEL", cseq=first, branch=branch)
    assert carrier.answered(first, "CANCEL").status == 200
    rig.partner.reply(rig.partner.expect_request("CANCEL"), 200)
    partner.reply(leg1, 487)
    assert carrier.answered(first).status == 487
    assert not rig.anchored(carrier.call_id, "customer")


def test_refused_call_gives_its_anchors_back(rig: Rig) -> None:
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    first = carrier.request("INVITE", sdp=rig.customer_media.sdp())
    leg1 = rig.partner.expect_request("INVITE")
    partner_agent = second_leg(rig, leg1)
    second = partner_agent.request("INVITE", sdp=leg1.body, headers=second_headers(leg1, TOKEN))
    leg2 = rig.platform.expect_request("INVITE")
    Dialog.of(rig.platform, leg2).reply(leg2, 486)
    assert partner_agent.answered(second).status == 486
    assert not rig.anchored(partner_agent.call_id, "agent")
    Dialog.of(rig.partner, leg1).reply(leg1, 486)
    assert carrier.answered(first).status == 486
    assert not rig.anchored(carrier.call_id, "customer")


@pytest.mark.parametrize("direction", ["in", "out"])
def test_cookie_in_the_request_uri(make_rig: MakeRig, direction: str) -> None:
    """For partners that drop headers: the cookie travels in the R-URI, and does not get farther."""
    rig = make_rig(settings={"cookie_place": '"request-uri"'})
    sender, media, number = (
        (rig.carrier, rig.customer_media, NUMBER)
        if direction == "in"
        else (rig.platform, rig.agent_media, "+447700900555")
    )
    first = Dialog.new(sender, f"sip:{number}@{rig.kamailio.sip[0]}", user=NUMBER)
    first.request("INVITE", sdp=media.sdp())
    leg1 = rig.partner.expect_request("INVITE")
    assert leg1.get("X-Route-Cookie") == ""
    cookie = leg1.uri.partition(";rc=")[2]
    assert cookie.startswith("1.k1.")
    back = second_leg(rig, leg1)
    back.target = f"sip:{number}@{rig.kamailio.sip[0]};rc={cookie}"
    back.request("INVITE", sdp=leg1.body, headers=(f"X-Payment-Token: {TOKEN}",))
    receiver = rig.platform if direction == "in" else rig.carrier
    leg2 = receiver.expect_request("INVITE")
    assert leg2.uri == f"sip:{number}@{receiver.address}:5060"
    assert cookie not in leg2.text
    rig.sink.wait(lambda sink: [h["token"] for h in sink.handoffs] == [TOKEN], "hand-off")
    receiver.reply(leg2, 486, tag="x")


def test_previous_key_still_opens_calls(make_rig: MakeRig) -> None:
    """Half-way through a key change: a cookie and a dialog signed by the key of yesterday are good."""
    rig = make_rig()
    story = inbound(rig)
    keys = rig.workspace.router / "data" / "keys.cfg"
    old = keys.read_text(encoding="utf-8")
    fresh = derive("another secret of at least sixteen characters")
    keys.write_text(
        old.replace("KEY_CURRENT", "KEY_PREVIOUS")
        + f'#!define KEY_CURRENT_ID "k2"\n#!define KEY_CURRENT_INNER "{fresh.inner}"\n'
        + f'#!define KEY_CURRENT_OUTER "{fresh.outer}"\n#!define KEY_CURRENT_HIDING "{fresh.hiding}"\n',
        encoding="utf-8",
    )
    try:
        rig.kamailio.kill()
        rig.kamailio.restart()
        story.hang_up()
        rig.fresh()
        story = inbound(rig)
        assert story.leg1_invite is not None
        assert story.leg1_invite.get("X-Route-Cookie").startswith("1.k2.")
    finally:
        keys.write_text(old, encoding="utf-8")
        rig.kamailio.kill()
        rig.kamailio.restart()
    # Its key is gone for good: what it signed is worth nothing.
    cseq = story.carrier.request("BYE")
    assert story.carrier.answered(cseq, "BYE").status == 481


@pytest.mark.compat
def test_forked_answer(rig: Rig) -> None:
    """Behind the platform one device rings with early media, another one answers."""
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    first = carrier.request("INVITE", sdp=rig.customer_media.sdp())
    leg1 = rig.partner.expect_request("INVITE")
    partner_customer = Dialog.of(rig.partner, leg1)
    partner_agent = second_leg(rig, leg1)
    second = partner_agent.request("INVITE", sdp=leg1.body, headers=second_headers(leg1, TOKEN))
    leg2 = rig.platform.expect_request("INVITE")
    with Talker(rig.platform.address, 0x55) as ringing:
        Dialog.of(rig.platform, leg2).reply(leg2, 183, sdp=ringing.sdp())
        partner_agent.provisional(183)
    platform = Dialog.of(rig.platform, leg2)
    platform.reply(leg2, 200, sdp=rig.agent_media.sdp())
    answer2 = partner_agent.answered(second)
    partner_customer.reply(leg1, 200, sdp=answer2.body)
    answer1 = carrier.answered(first)
    carrier.ack(first)
    partner_agent.ack(second)
    platform.incoming("ACK")
    rig.customer_media.target, rig.agent_media.target = place(answer1.body), place(leg2.body)
    assert rig.agent_media.wait_voice(CUSTOMER) >= 15
    assert rig.customer_media.wait_voice(AGENT) >= 15


@pytest.mark.compat
def test_partner_that_has_the_media_from_the_start(rig: Rig) -> None:
    """It greets the caller before the agent is there: both legs at the partner, the agent leg fenced, then home."""
    story = greeted(rig)
    rig.customer_media.send_to(story.at_carrier)
    rig.agent_media.send_to(story.at_platform)
    assert rig.partner_customer_media.wait_voice(CUSTOMER) >= 15
    assert rig.agent_media.wait_voice(PARTNER_AGENT) >= 15
    rig.partner_agent_media.press()
    rig.agent_media.wait_voice(PARTNER_AGENT)
    assert rig.agent_media.events() == 0
    story.restore()
    story.release_hold()
    talk(story)
