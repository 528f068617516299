"""SIP over TLS: a whole call, who is believed, and who is sent away without a word."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from callseal.lab.authority import Authority, Issued
from callseal.lab.encryption import FACES, NAMES, TLS_PORT
from callseal.lab.rootfs import BASELINE, COMPATIBILITY, Rootfs
from callseal.render import render
from tests.integration.router.conftest import MakeRig, _Keeper
from tests.integration.router.rig import AGENT, BLOCK, CUSTOMER, PARTNER_AGENT, PARTNER_CUSTOMER, Rig
from tests.integration.router.story import NUMBER, inbound, outbound
from tests.support.sip_peer import Dialog, SipPeer
from tests.support.tls_peer import Stream, TlsPeer, connect, context

pytestmark = pytest.mark.integration

ALL = frozenset(FACES)
UDP_CARRIER = ALL - {"carrier"}
EDGE = (BLOCK.kamailio, TLS_PORT)
NOW = datetime.fromtimestamp(time.time(), UTC)


@pytest.fixture(params=[UDP_CARRIER, ALL], ids=["carrier over UDP", "all over TLS"])
def mixed(request: pytest.FixtureRequest, make_rig: MakeRig) -> Rig:
    return make_rig(tls=request.param)


@pytest.fixture
def tls(make_rig: MakeRig) -> Rig:
    return make_rig(tls=UDP_CARRIER)


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


def invite(rig: Rig, host: str, branch: str = "z9hG4bKstranger1") -> str:
    """A first INVITE of the partner, as good as can be without a cookie: from a friend it is answered 403."""
    return (
        f"INVITE sip:{NUMBER}@{rig.kamailio.sip[0]} SIP/2.0\r\nVia: SIP/2.0/TLS {host}:5061;branch={branch};rport\r\n"
        f"From: <sip:p@{host}>;tag=1\r\nTo: <sip:{NUMBER}@edge>\r\nCall-ID: s-{branch}@{host}\r\nCSeq: 1 INVITE\r\n"
        f"Contact: <sip:p@{host}:5061;transport=tls>\r\nMax-Forwards: 10\r\nContent-Length: 0\r\n\r\n"
    )


def said(stream: Stream, message: str) -> list[str]:
    """Every start line that comes back until the edge closes the connection (or says nothing for 2 s: then it fails)."""
    stream.send(message)
    heard = []
    while (answer := stream.message(2)) is not None:
        heard.append(answer.start)
    assert stream.ended, "the edge left the connection open"
    stream.close()
    return heard


Spoil = Callable[[Authority, Path], tuple[str, str]]


def wrong_name(authority: Authority, folder: Path) -> tuple[str, str]:
    authority.issue("sip.other.example", "sip.partner.example.evil.example", now=NOW).write(folder, "spoilt")
    return "spoilt", BLOCK.partner


def expired(authority: Authority, folder: Path) -> tuple[str, str]:
    authority.issue(NAMES["partner"], now=NOW, lifetime=timedelta(minutes=-1)).write(folder, "spoilt")
    return "spoilt", BLOCK.partner


def self_signed(authority: Authority, folder: Path) -> tuple[str, str]:
    Authority.new("another authority", NOW).issue(NAMES["partner"], now=NOW).write(folder, "spoilt")
    return "spoilt", BLOCK.partner


def from_elsewhere(authority: Authority, folder: Path) -> tuple[str, str]:
    return "partner", BLOCK.host(99)


def the_platforms(authority: Authority, folder: Path) -> tuple[str, str]:
    return "platform", BLOCK.partner


@pytest.mark.compat
@pytest.mark.parametrize("spoil", [wrong_name, expired, self_signed, from_elsewhere, the_platforms])
def test_a_certificate_that_proves_nothing(tls: Rig, spoil: Spoil) -> None:
    """The right address or the right certificate alone is a stranger: no answer, no connection, and it is counted."""
    folder = tls.workspace.root / "tls"
    name, source = spoil(Authority.at(folder, "", NOW), folder)
    before = tls.count("strangers"), tls.count("connections_refused")
    stream = connect(EDGE, context(folder, name, server=False), source=source)
    assert said(stream, invite(tls, source)) == []
    assert (tls.count("strangers"), tls.count("connections_refused")) == (before[0] + 1, before[1] + 1)


@pytest.mark.compat
def test_no_certificate_at_all(tls: Rig) -> None:
    bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    bare.check_hostname = False
    bare.load_verify_locations(tls.workspace.root / "tls" / "ca.pem")
    before = tls.count("connections_refused")
    assert said(connect(EDGE, bare, source=BLOCK.partner), invite(tls, BLOCK.partner)) == []
    assert tls.count("connections_refused") == before + 1


@pytest.mark.compat
def test_any_name_of_the_certificate_counts(tls: Rig) -> None:
    """The twin of the refusals: the same INVITE with a good certificate is answered (403, it has no cookie)."""
    folder = tls.workspace.root / "tls"
    authority = Authority.at(folder, "", NOW)
    authority.issue("first.example", "SIP.Partner.Example", "last.example", now=NOW).write(folder, "many")
    stream = connect(EDGE, context(folder, "many", server=False), source=BLOCK.partner)
    assert final(stream, invite(tls, BLOCK.partner, "z9hG4bKfriend")).startswith("SIP/2.0 403")
    stream.close()


def final(stream: Stream, message: str) -> str:
    """The start line of the final answer."""
    stream.send(message)
    while (answer := stream.message(2)) is not None and answer.start.startswith("SIP/2.0 1"):
        pass
    assert answer is not None
    return answer.start


@pytest.mark.compat
def test_a_proof_is_good_for_its_connection_only(tls: Rig) -> None:
    """A worker remembers which connections have shown a certificate: beside one that did, another must show its own. Eight of
    each, so that every worker has heard both."""
    folder = tls.workspace.root / "tls"
    name, source = wrong_name(Authority.at(folder, "", NOW), folder)
    friends = [connect(EDGE, context(folder, "partner", server=False), source=source) for _ in range(8)]
    for turn in range(2):
        for number, friend in enumerate(friends):
            assert final(friend, invite(tls, source, f"z9hG4bKf{turn}{number}")).startswith("SIP/2.0 403")
            stranger = connect(EDGE, context(folder, name, server=False), source=source)
            assert said(stranger, invite(tls, source, f"z9hG4bKs{turn}{number}")) == []
    for friend in friends:
        friend.close()


def weak_cipher(tls: ssl.SSLContext) -> None:
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    tls.set_ciphers("ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384:AES128-SHA:@SECLEVEL=0")


def old_version(tls: ssl.SSLContext) -> None:
    tls.set_ciphers("ALL:@SECLEVEL=0")
    tls.minimum_version = ssl.TLSVersion.TLSv1
    tls.maximum_version = ssl.TLSVersion.TLSv1_1


@pytest.mark.compat
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("weaken", [weak_cipher, old_version])
def test_a_handshake_that_is_too_weak(tls: Rig, weaken: Callable[[ssl.SSLContext], None]) -> None:
    client = context(tls.workspace.root / "tls", "partner", server=False)
    weaken(client)
    before = tls.count("handshakes_failed")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connect(EDGE, client, source=BLOCK.partner)
    wait(lambda: tls.count("handshakes_failed") == before + 1, "the failed handshake is counted")


@pytest.mark.compat
def test_one_address_cannot_take_all_connections(tls: Rig) -> None:
    """Whoever opens them and says nothing: what is too many is closed at once, and a friend is let in."""
    opened = []
    try:
        for _ in range(640):
            plain = socket.create_connection(EDGE, timeout=2, source_address=(BLOCK.host(99), 0))
            plain.setblocking(False)
            opened.append(plain)
        wait(lambda: sum(map(has_ended, opened)) >= 640 - 520, "the edge closes what is too many")
        assert sum(map(has_ended, opened)) < 640 - 400, "many are let in"
        stream = connect(
            EDGE, context(tls.workspace.root / "tls", "partner", server=False), source=BLOCK.partner
        )
        assert final(stream, invite(tls, BLOCK.partner, "z9hG4bKbeside")).startswith("SIP/2.0 403")
        stream.close()
    finally:
        for plain in opened:
            plain.close()


def has_ended(plain: socket.socket) -> bool:
    """Whether the other side has closed it."""
    try:
        return plain.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def wait(true: Callable[[], bool], what: str, timeout_s: float = 5.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@pytest.mark.compat
def test_the_right_address_over_udp_is_a_stranger(tls: Rig) -> None:
    before = tls.count("strangers")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        plain.bind((BLOCK.partner, 5060))
        plain.settimeout(0.5)
        request = invite(tls, BLOCK.partner).replace("SIP/2.0/TLS", "SIP/2.0/UDP")
        plain.sendto(request.encode(), (BLOCK.kamailio, 5060))
        with pytest.raises(TimeoutError):
            plain.recv(4096)
    assert tls.count("strangers") == before + 1


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


@pytest.mark.compat
@pytest.mark.parametrize("spoil", [wrong_name, expired, self_signed])
def test_a_server_that_is_not_the_partner(tls: Rig, spoil: Spoil) -> None:
    """The partner's address answers, with another certificate: no call is set up with it; here the policy is to go past it."""
    folder = tls.workspace.root / "tls"
    name, _ = spoil(Authority.at(folder, "", NOW), folder)
    partner = tls.partner
    assert isinstance(partner, TlsPeer)
    partner.serve(folder, name)
    partner.drop_connections()
    time.sleep(0.2)
    try:
        carrier = Dialog.new(tls.carrier, f"sip:{NUMBER}@{tls.kamailio.sip[0]}")
        carrier.request("INVITE", sdp=tls.customer_media.sdp())
        leg = tls.platform.expect_request("INVITE", timeout_s=6)
        assert leg.get("X-Payment-Token") == ""
        tls.sink.wait(lambda sink: len(sink.handoffs) == 1, "hand-off")
        assert tls.sink.handoffs[0]["reason"] == "partner_down"
        tls.platform.reply(leg, 486, tag="busy")
    finally:
        partner.serve(folder, "partner")
        partner.drop_connections()
        tls.rpc("dispatcher.set_state", "ap", 1, f"sip:{BLOCK.partner}:{TLS_PORT};transport=tls")


@pytest.mark.compat
def test_certificates_are_read_again_without_losing_a_call(tls: Rig) -> None:
    """New files, `callseal render`, `tls.reload`: connections in use go on, new ones see the new certificate."""
    folder = tls.workspace.root / "tls"
    story = inbound(tls)
    partner = tls.partner
    assert isinstance(partner, TlsPeer)
    connections = partner.connections
    old = shown(folder)
    Authority.at(folder, "", NOW).issue(NAMES["edge"], now=NOW, addresses=[BLOCK.kamailio]).write(
        folder, "edge"
    )
    render(tls.deployment, "edge-1", tls.workspace.router)
    assert shown(folder) == old, "not before it is told to"
    tls.rpc("tls.reload")
    wait(lambda: shown(folder) != old, "new connections see the new certificate")
    story.secure()
    story.restore()
    story.hang_up()
    assert partner.connections == connections, "the call stayed on its connection"
    tls.sink.forget()
    inbound(tls).hang_up()


@pytest.fixture(params=[BASELINE, COMPATIBILITY])
def listing(request: pytest.FixtureRequest, keeper: _Keeper, tmp_path: Path) -> Iterator[Rig]:
    """A rig with a revocation list, on which nobody stands yet."""
    keeper.close()

    def amend(text: str) -> str:
        folder = tmp_path / "tls"
        (folder / "crl.pem").write_bytes(Authority.at(folder, "", NOW).revoke(now=NOW))
        return text.replace("[tls]\n", '[tls]\ncrl = ["tls/crl.pem"]\n')

    with Rig(Rootfs.build(request.param), tmp_path, tls=UDP_CARRIER, amend=amend) as rig:
        yield rig


def test_a_revoked_certificate_proves_nothing(listing: Rig) -> None:
    """Neither as a client nor as a server; and no call is lost when a list is read."""
    rig, folder = listing, listing.workspace.root / "tls"
    authority = Authority.at(folder, "", NOW)
    story = inbound(rig)
    partner = rig.partner
    assert isinstance(partner, TlsPeer)
    stolen = Issued((folder / "partner.pem").read_bytes(), (folder / "partner.key").read_bytes())
    (folder / "crl.pem").write_bytes(authority.revoke(stolen, now=NOW))
    render(rig.deployment, "edge-1", rig.workspace.router)
    rig.rpc("tls.reload")
    story.secure()
    story.restore()
    story.hang_up()
    before = rig.count("connections_refused")
    stream = connect(EDGE, context(folder, "partner", server=False), source=BLOCK.partner)
    assert said(stream, invite(rig, BLOCK.partner)) == []
    assert rig.count("connections_refused") == before + 1
    partner.drop_connections()
    partner.heard.clear()
    partner._taken.clear()
    time.sleep(0.2)
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    carrier.request("INVITE", sdp=rig.customer_media.sdp())
    leg = rig.platform.expect_request("INVITE", timeout_s=6)
    rig.platform.reply(leg, 486, tag="busy")
    assert carrier.answered(1).status == 486
    assert partner.heard == [], "the handshake fails before an INVITE is written"
    # With a new certificate it is the partner again.
    authority.issue(NAMES["partner"], now=NOW).write(folder, "partner")
    partner.serve(folder, "partner")
    rig.rpc("dispatcher.set_state", "ap", 1, f"sip:{BLOCK.partner}:{TLS_PORT};transport=tls")
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    carrier.request("INVITE", sdp=rig.customer_media.sdp())
    rig.partner.reply(rig.partner.expect_request("INVITE"), 486, tag="x")
    assert carrier.answered(1).status == 486


def shown(folder: Path) -> bytes | None:
    stream = connect(EDGE, context(folder, "partner", server=False), source=BLOCK.partner)
    assert isinstance(stream.connection, ssl.SSLSocket)
    certificate = stream.connection.getpeercert(binary_form=True)
    stream.close()
    return certificate


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
