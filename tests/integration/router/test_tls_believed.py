"""SIP over TLS: who is believed, and who is sent away without a word."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from callseal.lab.authority import Authority
from callseal.lab.encryption import TLS_PORT
from tests.integration.router.rig import BLOCK, Rig
from tests.integration.router.story import NUMBER
from tests.integration.router.tls_clients import (
    EDGE,
    NOW,
    Spoil,
    expired,
    final,
    invite,
    old_version,
    said,
    self_signed,
    wait,
    weak_cipher,
    wrong_name,
)
from tests.support.sip_peer import Dialog
from tests.support.tls_peer import TlsPeer, connect, context

pytestmark = pytest.mark.integration


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


@pytest.mark.compat
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("weaken", [weak_cipher, old_version])
def test_a_handshake_that_is_too_weak(tls: Rig, weaken: Callable[[ssl.SSLContext], None]) -> None:
    client = context(tls.workspace.root / "tls", "partner", server=False)
    weaken(client)
    before = tls.count("tls_ended")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connect(EDGE, client, source=BLOCK.partner)
    wait(lambda: tls.count("tls_ended") == before + 1, "the end of its connection is counted")


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
