"""What each face receives in whole calls: no address of the other face, none from inside, and no product's name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.integration.router.conftest import MakeRig
from tests.integration.router.hearing import heard_at_home, heard_while_secured, home_again
from tests.integration.router.rig import BLOCK, Rig
from tests.integration.router.story import Story, inbound, outbound
from tests.support.sip_peer import Dialog, Message, SipPeer, uri_of

pytestmark = pytest.mark.integration

NAMED = ("User-Agent: Contoso-SBC/9", "Server: Contoso-SBC/9", 'Warning: 399 192.0.2.9 "Contoso"')
PRODUCTS = ("contoso", "kamailio", "rtpengine", "callseal", "sipwise")
AS_WRITTEN = ("from", "to", "call-id", "p-asserted-identity")
"""Identity and dialog: a proxy may not change them. What stands there is what the sender wrote (docs/adr/0009)."""
INSIDE = (BLOCK.edge_agent,)
COOKIE = "x-route-cookie"


@contextmanager
def naming(rig: Rig) -> Iterator[None]:
    """Every message says which software sent it."""
    for peer in rig.peers:
        send = peer.send
        peer.send = lambda message, send=send: send(  # type: ignore[method-assign,misc]
            message.replace("\r\nCSeq:", "\r\n" + "\r\n".join(NAMED) + "\r\nCSeq:", 1)
        )
    try:
        yield
    finally:
        for peer in rig.peers:
            del peer.send


def shown(message: Message) -> str:
    """A message without what its sender is answerable for itself."""
    headers = (f"{n}: {v}" for n, v in message.headers if n.lower() not in (*AS_WRITTEN, COOKIE))
    start = message.start if message.is_request else "SIP/2.0"
    return "\n".join((start, *headers, message.body))


def foreign(rig: Rig, peer: SipPeer) -> list[str]:
    media = [str(rig.customer_media.address), rig.partner_customer_media.address, rig.agent_media.address]
    others = {p.address for p in rig.peers if p is not peer} | {*media, *INSIDE} - {peer.address}
    if peer is rig.partner:
        others -= {rig.partner_customer_media.address}
    return sorted(others - {peer.address})


def assert_closed(rig: Rig) -> None:
    for peer in rig.peers:
        assert len(peer.heard) > 1
        for message in peer.heard:
            text = shown(message)
            for address in foreign(rig, peer):
                assert not re.search(rf"(?<![0-9]){re.escape(address)}(?![0-9])", text), (
                    f"{peer.address} sees {address}:\n{text}"
                )
            for product in PRODUCTS:
                assert product not in text.lower(), text


def whole_call(story: Story) -> None:
    """Talk, secure, a refusal, hold, refresh, an error, restore, transfer, hang up."""
    rig = story.rig
    story.everybody_talks()
    story.secure()
    heard_while_secured(story)
    cseq = story.offer("customer", story.home["customer"])
    story.carrier.reply(story.carrier.incoming("INVITE"), 491)
    assert story.partner_customer.answered(cseq).status == 491
    story.partner_customer.ack(cseq)
    cseq = story.platform.request("UPDATE", sdp=rig.agent_media.sdp(50))
    story.partner_agent.reply(
        story.partner_agent.incoming("UPDATE"), 200, sdp=rig.partner_agent_media.sdp(50)
    )
    assert story.platform.answered(cseq, "UPDATE").status == 200
    for method in ("INFO", "OPTIONS"):
        cseq = story.carrier.request(method, sdp=rig.customer_media.sdp(60))
        if method == "INFO":
            story.partner_customer.reply(
                story.partner_customer.incoming("INFO"), 488, sdp=rig.partner_customer_media.sdp()
            )
        assert story.carrier.answered(cseq, method).status in (200, 488)
    home_again(story)
    cseq = story.platform.request("REFER", headers=("Refer-To: <sip:+442079460777@transfer.example>",))
    story.partner_agent.reply(story.partner_agent.incoming("REFER"), 202)
    assert story.platform.answered(cseq, "REFER").status == 202
    story.hang_up()


@pytest.mark.two_anchors
@pytest.mark.compat
@pytest.mark.parametrize("direction", ["in", "out"])
def test_no_side_sees_another(rig: Rig, direction: str) -> None:
    with naming(rig):
        whole_call(inbound(rig, early_media=True) if direction == "in" else outbound(rig))
    assert_closed(rig)


def test_no_side_sees_another_past_the_partner(rig: Rig) -> None:
    with naming(rig):
        carrier = Dialog.new(rig.carrier, f"sip:+442079460000@{rig.kamailio.sip[0]}")
        cseq = carrier.request("INVITE", sdp=rig.customer_media.sdp())
        rig.partner.reply(rig.partner.expect_request("INVITE"), 503, tag="x")
        invite = rig.platform.expect_request("INVITE")
        platform = Dialog.of(rig.platform, invite)
        platform.reply(invite, 200, sdp=rig.agent_media.sdp())
        assert carrier.answered(cseq).status == 200
        carrier.ack(cseq)
        platform.incoming("ACK")
        bye = platform.request("BYE")
        carrier.reply(carrier.incoming("BYE"), 200)
        assert platform.answered(bye, "BYE").status == 200
    rig.rpc("dispatcher.set_state", "ap", 1, f"sip:{rig.partner.address}:5060")
    assert_closed(rig)


@pytest.mark.compat
def test_vias_of_proxies_behind_a_peer_come_back_to_it(rig: Rig) -> None:
    """Two of the carrier's own proxies stand in its Via: the partner sees none of them, the reply has both, in order."""
    vias = (
        "Via: SIP/2.0/UDP 192.0.2.7:5070;branch=z9hG4bKinner;rport=1;received=192.0.2.6",
        "v: SIP/2.0/TCP a.example;branch=z9hG4bKend",
    )
    carrier = Dialog.new(rig.carrier, f"sip:+442079460000@{rig.kamailio.sip[0]}")
    cseq = carrier.request("INVITE", sdp=rig.customer_media.sdp(), headers=vias)
    leg1 = rig.partner.expect_request("INVITE")
    assert "192.0.2" not in leg1.text
    assert "a.example" not in leg1.text
    rig.partner.reply(leg1, 486, tag="x")
    final = carrier.answered(cseq)
    told = [*final.all("Via"), *final.all("v")]
    assert told[0].startswith(f"SIP/2.0/UDP {rig.carrier.address}:5060;")
    assert told[1:] == [via.partition(": ")[2] for via in vias]


@pytest.mark.compat
def test_vias_in_one_line_are_hidden_and_given_back(rig: Rig) -> None:
    """RFC 3261 7.3.1: one line or many mean the same, on the way there and on the way back. Neither may stop a reply."""
    inner = "SIP/2.0/UDP 192.0.2.7:5070;branch=z9hG4bKinner"
    carrier = Dialog.new(rig.carrier, f"sip:+442079460000@{rig.kamailio.sip[0]}")
    cseq = carrier.request("INVITE", sdp=rig.customer_media.sdp(), branch=f"z9hG4bKouter, {inner}")
    leg1 = rig.partner.expect_request("INVITE")
    assert "192.0.2" not in leg1.text
    assert len(leg1.all("Via")) == 2
    before, first, rest = leg1.text.split("\r\nVia: ")
    rig.partner.reply(Message.parse(f"{before}\r\nVia: {first}, {rest}".encode()), 486, tag="x")
    final = carrier.answered(cseq)
    assert final.status == 486
    told = ", ".join(final.all("Via"))
    assert told.startswith(f"SIP/2.0/UDP {rig.carrier.address}:5060;")
    assert told.endswith(f", {inner}")


@pytest.mark.compat
def test_contact_is_read_by_the_edge_alone(rig: Rig) -> None:
    story = inbound(rig)
    contact = uri_of(story.leg1_invite.get("Contact")) if story.leg1_invite else ""
    assert contact.startswith(f"sip:{rig.kamailio.sip[0]}:5060;h=")
    assert story.partner_customer.target == contact
    # A Contact that was meddled with leads nowhere.
    story.partner_customer.target = contact.replace(";h=", ";h=AAAA")
    cseq = story.partner_customer.request("INFO")
    assert story.partner_customer.answered(cseq, "INFO").status in (403, 481, 483)
    story.partner_customer.target = contact
    # Without the Route the edge has no proof, whatever it can decrypt.
    routes, story.partner_customer.routes = story.partner_customer.routes, []
    assert story.partner_customer.answered(story.partner_customer.request("INFO"), "INFO").status == 481
    story.partner_customer.routes = routes
    story.hang_up()


def test_check_can_fail(make_rig: MakeRig) -> None:
    """With `topology = "shown"` calls work as well, and the test above finds what it looks for."""
    rig = make_rig(settings={"fence": '"events"\ntopology = "shown"'})
    story = inbound(rig)
    story.everybody_talks()
    heard_at_home(story)
    story.hang_up()
    with pytest.raises(AssertionError, match="sees 127"):
        assert_closed(rig)
