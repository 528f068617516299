"""Peers that are names: NAPTR and SRV from a real name server, over the right transport, past servers that are out of order."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from callseal.lab.encryption import FACES, TLS_PORT
from callseal.lab.name_server import NameServer
from callseal.lab.rootfs import Rootfs
from tests.integration.router.conftest import Keeper
from tests.integration.router.rig import AGENT, BLOCK, CUSTOMER, Rig
from tests.integration.router.story import NUMBER, inbound
from tests.support.sip_peer import Dialog, SipPeer
from tests.support.tls_peer import TlsPeer

pytestmark = pytest.mark.integration

SERVER, FIRST = BLOCK.host(53), BLOCK.host(32)
NAME, CLUSTER = "sip.partner.example", "sip.example.net"
# A decoy comes first in the NAPTR: plain UDP, which this peer's transport forbids.
ZONE = f"""\
$ORIGIN partner.example.
@ 60 IN SOA ns.partner.example. hostmaster.partner.example. 1 3600 600 604800 5
@ 60 IN NS ns.partner.example.
sip 60 IN NAPTR 5 10 "s" "SIP+D2U" "" _sip._udp.sip.partner.example.
sip 60 IN NAPTR 10 10 "s" "SIPS+D2T" "" _sips._tcp.pool.partner.example.
_sip._udp.sip 60 IN SRV 10 10 5060 second.partner.example.
_sips._tcp.pool 60 IN SRV 10 10 {TLS_PORT} first.partner.example.
_sips._tcp.pool 60 IN SRV 20 10 {TLS_PORT} second.partner.example.
_sips._tcp.node 60 IN SRV 10 10 {TLS_PORT} second.partner.example.
_sips._tcp.stray 60 IN SRV 10 10 {TLS_PORT} platform.partner.example.
first 60 IN A {FIRST}
second 60 IN A {BLOCK.partner}
platform 60 IN A {BLOCK.agent}
"""


def named(text: str) -> str:
    text = text.replace(f'signalling = ["{BLOCK.partner}"]', f'signalling = ["{BLOCK.partner}", "{FIRST}"]')
    text = text.replace(f'"sip:{BLOCK.partner}:{TLS_PORT}"', f'"sip:{NAME}"')
    return f'{text}\n[dns]\nresolvers = ["{SERVER}"]\n\n[[regions]]\nid = "local"\ncluster = "{CLUSTER}"\n'


@pytest.fixture(scope="module")
def found(suite: str, tmp_path_factory: pytest.TempPathFactory, keeper: Keeper) -> Iterator[Rig]:
    keeper.close()  # its rig holds the same addresses
    folder = tmp_path_factory.mktemp("named")
    with NameServer(folder / "nsd", SERVER, {"partner.example": ZONE}):
        tls = frozenset(FACES) - {"carrier"}
        with Rig(Rootfs.build(suite), folder / "rig", tls=tls, amend=named) as rig:
            yield rig


@pytest.fixture
def rig(found: Rig) -> Rig:
    found.fresh()
    found.rpc("dispatcher.set_state", "ap", 1, f"sip:{NAME}")
    return found


@pytest.mark.compat
def test_a_dead_server_costs_nothing_but_a_moment(rig: Rig) -> None:
    """Nobody listens at the first server: the transport fails, the second takes the call, over TLS and not over the decoy."""
    with SipPeer(BLOCK.partner, BLOCK.kamailio) as decoy:
        story = inbound(rig)
        assert story.leg1_invite is not None
        near_the_partner, near_the_carrier = story.leg1_invite.all("Record-Route")
        assert near_the_partner.startswith(f"<sip:{CLUSTER};transport=tls;"), (
            "its name alone does not say by what"
        )
        assert near_the_carrier.startswith(f"<sip:{CLUSTER};transport=udp;")
        story.everybody_talks()
        assert rig.agent_media.wait_voice(CUSTOMER) >= 15
        assert rig.customer_media.wait_voice(AGENT) >= 15
        story.secure()
        story.restore()
        story.hang_up()
        assert decoy.heard == []


def busy(first: TlsPeer) -> None:
    first.reply(first.expect_request("INVITE"), 503, tag="busy")


def silent(first: TlsPeer) -> None:
    first.expect_request("INVITE")


@pytest.mark.compat
@pytest.mark.parametrize("fails", [busy, silent])
def test_the_next_server_after_503_and_after_silence(rig: Rig, fails: Callable[[TlsPeer], None]) -> None:
    first = TlsPeer(FIRST, BLOCK.kamailio, rig.workspace.root / "tls", "partner")
    try:
        carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
        cseq = carrier.request("INVITE", sdp=rig.customer_media.sdp())
        fails(first)
        leg = rig.partner.expect_request("INVITE", timeout_s=6)
        assert leg.get("X-Route-Cookie")
        rig.partner.reply(leg, 200, tag="x", sdp=rig.partner_customer_media.sdp())
        assert carrier.answered(cseq).status == 200
        carrier.ack(cseq)
        rig.partner.expect_request("ACK")
        carrier.request("BYE")
        rig.partner.reply(rig.partner.expect_request("BYE"), 200)
    finally:
        first.close()


@pytest.mark.compat
def test_a_refusal_of_the_second_server_is_the_answer(rig: Rig) -> None:
    """Not the silence of the first, which would send the call past the partner."""
    first = TlsPeer(FIRST, BLOCK.kamailio, rig.workspace.root / "tls", "partner")
    try:
        carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
        cseq = carrier.request("INVITE", sdp=rig.customer_media.sdp())
        first.expect_request("INVITE")
        rig.partner.reply(rig.partner.expect_request("INVITE", timeout_s=6), 486, tag="x")
        assert carrier.answered(cseq).status == 486
        carrier.ack(cseq)
        assert rig.platform.untaken("INVITE") == []
    finally:
        first.close()


@pytest.mark.compat
def test_a_contact_that_is_a_name(rig: Rig) -> None:
    """SRV inside a dialog too; and a name that leads to somebody else is refused as an address would be."""
    story = inbound(rig)
    story.carrier.target = "sip:peer@node.partner.example;transport=tls"
    cseq = story.carrier.request("INFO")
    story.partner_customer.reply(story.partner_customer.incoming("INFO"), 200)
    assert story.carrier.answered(cseq, "INFO").status == 200
    # Without a transport the peer's own decides, and so the service.
    story.carrier.target = "sip:peer@node.partner.example"
    cseq = story.carrier.request("INFO")
    story.partner_customer.reply(story.partner_customer.incoming("INFO"), 200)
    assert story.carrier.answered(cseq, "INFO").status == 200
    story.carrier.target = "sip:peer@stray.partner.example;transport=tls"
    assert story.carrier.answered(story.carrier.request("INFO"), "INFO").status == 403
    story.carrier.target = "sip:peer@second.partner.example:5061;transport=tls"
    cseq = story.carrier.request("INFO")
    story.partner_customer.reply(story.partner_customer.incoming("INFO"), 200)
    assert story.carrier.answered(cseq, "INFO").status == 200
    story.hang_up()


def test_the_first_server_is_free_again() -> None:
    """The tests above mean what they say only if nothing listens there."""
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect((FIRST, TLS_PORT))
