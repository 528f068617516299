"""SIP over TLS and TCP: whole calls, each over the transport of its peer."""

from __future__ import annotations

import pytest

from callseal.lab.encryption import TLS_PORT
from tests.integration.router.conftest import MakeRig
from tests.integration.router.rig import AGENT, BLOCK, CUSTOMER, PARTNER_AGENT, PARTNER_CUSTOMER, Rig
from tests.integration.router.story import inbound, outbound
from tests.integration.router.tls_clients import (
    ALL,
    UDP_CARRIER,
    invite,
    said,
    wait,
)
from tests.support.sip_peer import SipPeer
from tests.support.tls_peer import TlsPeer, connect

pytestmark = pytest.mark.integration


@pytest.fixture(params=[UDP_CARRIER, ALL], ids=["carrier over UDP", "all over TLS"])
def mixed(request: pytest.FixtureRequest, make_rig: MakeRig) -> Rig:
    return make_rig(tls=request.param)


def test_a_call_over_tcp(make_rig: MakeRig) -> None:
    tcp = make_rig(settings={"transport": '"tcp"'})
    story = inbound(tcp)
    story.everybody_talks()
    assert tcp.agent_media.wait_voice(CUSTOMER) >= 15
    story.secure()
    story.restore()
    story.hang_up()
    before = tcp.count("connections_refused")
    stranger = connect((BLOCK.kamailio, 5060), None, source=BLOCK.host(99))
    assert said(stranger, invite(tcp, BLOCK.host(99)).replace("SIP/2.0/TLS", "SIP/2.0/TCP")) == []
    assert tcp.count("connections_refused") == before + 1
    # The right address over another transport: nothing either.
    strangers = tcp.count("strangers")
    with SipPeer(BLOCK.partner, BLOCK.kamailio) as plain:
        plain.send(invite(tcp, BLOCK.partner).replace("SIP/2.0/TLS", "SIP/2.0/UDP"))
        wait(lambda: tcp.count("strangers") == strangers + 1, "a stranger is counted")
        assert plain.heard == []


@pytest.mark.compat
def test_a_secured_call_in_every_dialog_direction(mixed: Rig) -> None:
    """ACK, re-INVITE and BYE both ways on both legs; the media goes where it always went."""
    story = inbound(mixed)
    story.everybody_talks()
    assert mixed.agent_media.wait_voice(CUSTOMER) >= 15
    story.secure()
    assert mixed.agent_media.wait_voice(PARTNER_AGENT) >= 15
    assert mixed.customer_media.wait_voice(PARTNER_CUSTOMER) >= 15
    story.restore()
    story.release_hold()
    assert mixed.customer_media.wait_voice(AGENT) >= 15
    # The far sides speak too: a refresh and a digit.
    for far, near, talker in (
        (story.carrier, story.partner_customer, mixed.customer_media),
        (story.platform, story.partner_agent, mixed.agent_media),
    ):
        cseq = far.request("INVITE", sdp=talker.sdp(50))
        near.reply(near.incoming("INVITE"), 200, sdp=mixed.partner_customer_media.sdp(51))
        assert far.answered(cseq).status == 200
        far.ack(cseq)
        near.incoming("ACK")
    story.hang_up()
    assert mixed.count("replies_refused") == 0
    assert isinstance(mixed.partner, TlsPeer)
    assert mixed.partner.came_from == {BLOCK.kamailio}, "peers know us by our address, over TLS too"


def test_outbound_call(tls: Rig) -> None:
    story = outbound(tls)
    story.everybody_talks()
    assert tls.agent_media.wait_voice(CUSTOMER) >= 15
    cseq = story.platform.request("BYE")
    story.partner_agent.reply(story.partner_agent.incoming("BYE"), 200)
    assert story.platform.answered(cseq, "BYE").status == 200


def test_record_route_says_each_side_its_own_transport(tls: Rig) -> None:
    story = inbound(tls)
    assert story.leg1_invite is not None
    routes = [uri for header in story.leg1_invite.all("Record-Route") for uri in header.split(",")]
    assert [";transport=tls" in uri for uri in routes] == [True, False], "nearest first: the partner's side"
    assert all(";r2=on" in uri and ";sg=" in uri for uri in routes), "both of them are signed"
    assert story.leg1_invite.get("Via").startswith(f"SIP/2.0/TLS {BLOCK.kamailio}:{TLS_PORT}")
    assert story.leg2_invite is not None
    assert len(story.leg2_invite.all("Record-Route")) == 1, "TLS on both sides is one way in and out"
    story.hang_up()


def test_no_request_of_a_dialog_goes_in_the_clear(tls: Rig) -> None:
    """A Contact that asks for UDP gets TLS all the same: the transport is the peer's, not the URI's."""
    story = inbound(tls)
    with SipPeer(BLOCK.partner, BLOCK.kamailio, port=5061) as listening:
        story.carrier.target = f"sip:peer@{BLOCK.partner}:5061;transport=udp"
        cseq = story.carrier.request("INFO")
        story.partner_customer.reply(story.partner_customer.incoming("INFO"), 200)
        assert story.carrier.answered(cseq, "INFO").status == 200
        assert listening.heard == []
    story.hang_up()


@pytest.mark.compat
@pytest.mark.parametrize(
    "target", ["sip:peer@{}", "sip:{};transport=udp", "sip:peer@{};transport=tls", "sips:peer@{}"]
)
def test_without_a_port_tls_has_its_own(tls: Rig, target: str) -> None:
    story = inbound(tls)
    with SipPeer(BLOCK.partner, BLOCK.kamailio) as plain:
        # What the edge shows of the partner stands, encrypted, for what the partner has said.
        story.carrier.target = target.format(BLOCK.partner)
        cseq = story.carrier.request("INFO")
        story.partner_customer.reply(story.partner_customer.incoming("INFO"), 200)
        assert story.carrier.answered(cseq, "INFO").status == 200
        assert plain.heard == []
    story.hang_up()
