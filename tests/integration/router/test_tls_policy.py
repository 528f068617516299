"""TLS as each peer's policy says: every face proves its own name, no server may be weak, and beside TLS others may speak UDP."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from callseal.deployment.edges import CIPHERS
from callseal.lab.encryption import FACES
from tests.integration.router.conftest import MakeRig
from tests.integration.router.hearing import heard_at_home, secured_and_heard
from tests.integration.router.rig import BLOCK, Rig
from tests.integration.router.story import inbound, outbound
from tests.integration.router.test_impostor import (
    a_call_comes,
    goes_past,
    impostor_stands,
    the_partner_is_back,
)
from tests.integration.router.tls_clients import EDGE, final, old_version, said, weak_cipher
from tests.support.tls_peer import TlsPeer, connect, context

pytestmark = pytest.mark.integration

PLACES = {"carrier": BLOCK.customer, "partner": BLOCK.partner, "platform": BLOCK.agent}


def options(host: str, branch: str) -> str:
    return (
        f"OPTIONS sip:{BLOCK.kamailio} SIP/2.0\r\nVia: SIP/2.0/TLS {host}:5061;branch=z9hG4bK{branch};rport\r\n"
        f"From: <sip:p@{host}>;tag=1\r\nTo: <sip:{BLOCK.kamailio}>\r\nCall-ID: {branch}@{host}\r\nCSeq: 1 OPTIONS\r\n"
        "Max-Forwards: 10\r\nContent-Length: 0\r\n\r\n"
    )


def test_each_face_is_believed_with_its_own_certificate_only(make_rig: MakeRig) -> None:
    """Name and address must belong together, whoever it is."""
    rig = make_rig(tls=frozenset(FACES))
    for face, address in PLACES.items():
        for name in FACES:
            stream = connect(EDGE, context(rig.workspace.root / "tls", name, server=False), source=address)
            request = options(address, f"{face}{name}")
            if name == face:
                assert final(stream, request) == "SIP/2.0 200 OK"
                stream.close()
            else:
                assert said(stream, request) == [], (face, name)


@contextmanager
def weak_partner(rig: Rig, weaken: Callable[[ssl.SSLContext], None]) -> Iterator[TlsPeer]:
    """The partner's own certificate, on a server that speaks what must not be spoken."""
    partner = impostor_stands(rig, "partner")
    server = context(rig.workspace.root / "tls", "partner", server=True)
    weaken(server)
    partner._server = server
    try:
        yield partner
    finally:
        the_partner_is_back(rig)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("weaken", [weak_cipher, old_version])
def test_the_edge_does_not_connect_to_a_weak_server(
    make_rig: MakeRig, weaken: Callable[[ssl.SSLContext], None]
) -> None:
    rig = make_rig(tls=frozenset(FACES) - {"carrier"})
    with weak_partner(rig, weaken) as partner:
        goes_past(rig, a_call_comes(rig))
        assert partner.heard == []
    # The same server as it should be takes the next call.
    call = a_call_comes(rig)
    rig.partner.reply(rig.partner.expect_request("INVITE"), 486, tag="x")
    assert call.answered(1).status == 486


ONLY_1_3 = {"private_key": '"tls/edge.key"\nmin_version = "1.3"'}
ANY_CIPHER = (":".join(CIPHERS), "ALL:@SECLEVEL=0")


@pytest.mark.compat
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("least", ["1.2", "1.3"])
def test_an_old_version_is_refused_for_itself(make_rig: MakeRig, least: str) -> None:
    """No cipher of the list is for TLS 1.1, which hides what the version does: where that is 1.2 the edge takes any cipher here."""
    only = ONLY_1_3 if least == "1.3" else {}
    rig = make_rig(tls=frozenset(FACES), settings=only, edits=() if only else (ANY_CIPHER,))
    for version, taken in (("TLSv1_1", False), ("TLSv1_2", least == "1.2"), ("TLSv1_3", True)):
        client = context(rig.workspace.root / "tls", "partner", server=False)
        client.set_ciphers("ALL:@SECLEVEL=0")
        client.minimum_version = client.maximum_version = ssl.TLSVersion[version]
        if taken:
            connect(EDGE, client, source=BLOCK.partner).close()
        else:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                connect(EDGE, client, source=BLOCK.partner)
    inbound(rig).hang_up()


def test_a_platform_and_a_carrier_over_udp_beside_a_partner_over_tls(make_rig: MakeRig) -> None:
    rig = make_rig(tls=frozenset({"partner"}))
    for begins in (inbound, outbound):
        rig.fresh()
        story = begins(rig)
        story.everybody_talks()
        heard_at_home(story)
        secured_and_heard(story)
        story.restore()
        story.hang_up()
    assert isinstance(rig.partner, TlsPeer)
    assert {type(peer).__name__ for peer in (rig.carrier, rig.platform)} == {"SipPeer"}
    assert rig.partner.came_from == {BLOCK.kamailio}
