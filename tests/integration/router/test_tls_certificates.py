"""SIP over TLS: certificates and revocation lists are read again while calls are up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from callseal.lab.authority import Authority, Issued
from callseal.lab.encryption import NAMES, TLS_PORT
from callseal.lab.rootfs import BASELINE, COMPATIBILITY, Rootfs
from callseal.render import render
from tests.integration.router.conftest import Keeper
from tests.integration.router.rig import BLOCK, Rig
from tests.integration.router.story import NUMBER, inbound
from tests.integration.router.tls_clients import (
    EDGE,
    NOW,
    UDP_CARRIER,
    invite,
    said,
    shown,
    wait,
)
from tests.support.sip_peer import Dialog
from tests.support.tls_peer import TlsPeer, connect, context

pytestmark = pytest.mark.integration


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
def listing(request: pytest.FixtureRequest, keeper: Keeper, tmp_path: Path) -> Iterator[Rig]:
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
