"""Somebody at the partner's address with a certificate of the same authority: reads nothing, whoever opens the connection."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callseal.lab.authority import Authority
from callseal.lab.encryption import FACES, NAMES, TLS_PORT
from callseal.lab.rootfs import BASELINE, COMPATIBILITY, Rootfs
from tests.integration.router.conftest import Keeper, MakeRig
from tests.integration.router.rig import BLOCK, Rig
from tests.integration.router.story import NUMBER, inbound
from tests.support.sip_peer import Dialog
from tests.support.tls_peer import Stream, TlsPeer, context

pytestmark = pytest.mark.integration

ENCRYPTED = frozenset(FACES) - {"carrier"}
NOW = datetime.fromtimestamp(time.time(), UTC)
DESTINATION = f"sip:{BLOCK.partner}:{TLS_PORT};transport=tls"


@pytest.fixture
def tls(make_rig: MakeRig) -> Rig:
    return make_rig(tls=ENCRYPTED)


def wrong_name(folder: Path) -> str:
    Authority.at(folder, "", NOW).issue("sip.other.example", now=NOW).write(folder, "impostor")
    return "impostor"


def nearly_its_name(folder: Path) -> str:
    """No wildcard, no part of a name, and the common name counts only where there is no other."""
    names = ("*.partner.example", "sip.partner.example.evil.example", "partner.example")
    Authority.at(folder, "", NOW).issue(*names, now=NOW).write(folder, "impostor")
    return "impostor"


def the_platforms(folder: Path) -> str:
    return "platform"


def impostor_stands(rig: Rig, name: str) -> TlsPeer:
    """Whoever connects to the partner's address meets another certificate from now on; everything it reads is in `heard`."""
    partner = rig.partner
    assert isinstance(partner, TlsPeer)
    partner.serve(rig.workspace.root / "tls", name)
    partner.drop_connections()
    time.sleep(0.2)
    partner.heard.clear()
    partner._taken.clear()
    return partner


def the_partner_is_back(rig: Rig) -> None:
    partner = impostor_stands(rig, "partner")
    rig.rpc("dispatcher.set_state", "ap", 1, DESTINATION)
    assert partner.heard == []


def a_call_comes(rig: Rig) -> Dialog:
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    carrier.request("INVITE", sdp=rig.customer_media.sdp())
    return carrier


def goes_past(rig: Rig, carrier: Dialog) -> None:
    """To the platform without a token: the number's policy when the partner is down."""
    leg = rig.platform.expect_request("INVITE", timeout_s=6)
    assert leg.get("X-Payment-Token") == ""
    rig.platform.reply(leg, 486, tag="busy")
    assert carrier.answered(1).status == 486


@pytest.mark.compat
@pytest.mark.parametrize("spoil", [nearly_its_name, the_platforms])
def test_a_server_with_another_name_reads_nothing(tls: Rig, spoil: Callable[[Path], str]) -> None:
    impostor = impostor_stands(tls, spoil(tls.workspace.root / "tls"))
    failed = tls.count("tls_ended")
    try:
        goes_past(tls, a_call_comes(tls))
        assert tls.count("tls_ended") > failed
        assert impostor.heard == []
        assert tls.count("replies_refused") == 0, "found out before it could say a word"
    finally:
        the_partner_is_back(tls)
    tls.sink.forget()
    inbound(tls).hang_up()


def test_nor_does_it_hear_a_probe(tls: Rig) -> None:
    """Probes open connections, too, and have no transaction of a call: what they open is what calls then use."""
    impostor = impostor_stands(tls, wrong_name(tls.workspace.root / "tls"))
    failed = tls.count("tls_ended")
    try:
        deadline = time.monotonic() + 12
        while tls.count("tls_ended") == failed and time.monotonic() < deadline:
            time.sleep(0.1)
        assert tls.count("tls_ended") > failed
        assert impostor.heard == []
    finally:
        the_partner_is_back(tls)


def test_any_of_its_names_will_do(tls: Rig) -> None:
    """The twin: another name beside the right one, in capitals."""
    folder = tls.workspace.root / "tls"
    Authority.at(folder, "", NOW).issue("first.example", NAMES["partner"].upper(), now=NOW).write(
        folder, "many"
    )
    impostor_stands(tls, "many")
    try:
        inbound(tls).hang_up()
    finally:
        the_partner_is_back(tls)


def from_its_port(rig: Rig, name: str | None) -> Stream:
    """A connection from the very port on which the partner listens."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    folder = rig.workspace.root / "tls"
    if name is not None:
        made = context(folder, name, server=False)
    made.check_hostname = False
    made.load_verify_locations(folder / "ca.pem")
    plain = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    plain.settimeout(3)
    plain.bind((BLOCK.partner, TLS_PORT))
    plain.connect((BLOCK.kamailio, TLS_PORT))
    return Stream(made.wrap_socket(plain))


@pytest.mark.compat
@pytest.mark.parametrize("name", ["platform", None], ids=["another's certificate", "no certificate"])
def test_a_connection_from_its_port_is_no_way_to_the_partner(tls: Rig, name: str | None) -> None:
    """It says nothing, so it has proved nothing and was not found out either: the call goes where the partner listens."""
    partner = impostor_stands(tls, "partner")
    tls.rpc("dispatcher.set_state", "ap", 1, DESTINATION)
    stream = from_its_port(tls, name)
    try:
        time.sleep(0.2)
        carrier = a_call_comes(tls)
        asked = partner.expect_request("INVITE")
        partner.reply(asked, 486, tag="x")
        assert carrier.answered(1).status == 486
        assert stream.message(0.5) is None
    finally:
        stream.close()


@pytest.fixture(params=[BASELINE, COMPATIBILITY])
def bare(request: pytest.FixtureRequest, keeper: Keeper, tmp_path: Path) -> Iterator[Rig]:
    """A router that was started without the library."""
    keeper.close()
    with Rig(Rootfs.build(request.param), tmp_path, tls=ENCRYPTED, peer_check=False) as rig:
        yield rig


def test_without_the_library_each_reads_one(bare: Rig) -> None:
    """What it is for. The script then finds the first of them out: no call is set up with it."""
    impostor = impostor_stands(bare, wrong_name(bare.workspace.root / "tls"))
    before = bare.count("replies_refused")
    carrier = a_call_comes(bare)
    asked = impostor.expect_request("INVITE")
    assert asked.body
    impostor.reply(asked, 200, tag="impostor", sdp=bare.partner_customer_media.sdp())
    goes_past(bare, carrier)
    assert bare.count("replies_refused") == before + 1
    impostor_stands(bare, "partner")
    bare.rpc("dispatcher.set_state", "ap", 1, DESTINATION)
    stream = from_its_port(bare, None)
    time.sleep(0.2)
    a_call_comes(bare)
    heard = stream.message(2)
    stream.close()
    assert heard is not None
    assert heard.is_request
