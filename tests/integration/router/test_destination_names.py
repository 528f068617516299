"""Platform and carrier are names with two servers: the second takes the call when the first refuses the connection, is silent or says 503."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from callseal.lab.encryption import FACES, TLS_PORT
from callseal.lab.name_server import NameServer
from callseal.lab.rootfs import Rootfs
from tests.integration.router.conftest import Keeper
from tests.integration.router.hearing import heard_at_home
from tests.integration.router.rig import BLOCK, Rig
from tests.integration.router.story import inbound, outbound
from tests.support.sip_peer import Message, SipPeer
from tests.support.tls_peer import TlsPeer

pytestmark = [pytest.mark.integration, pytest.mark.compat]

SERVER = BLOCK.host(53)
FIRST = {"carrier": BLOCK.host(12), "platform": BLOCK.host(42)}
SECOND = {"carrier": BLOCK.customer, "platform": BLOCK.agent}
SOONER_SILENT = ('"fr_timer", 2000', '"fr_timer", 1000')
"""Half the patience with a server that says nothing: half the time of these tests."""
FAILS = ("gone", "silent", "busy")


def zone(face: str) -> str:
    """The preferred server is the one that fails; plain UDP, which this peer's transport forbids, stands before both."""
    return f"""\
$ORIGIN {face}.example.
@ 60 IN SOA ns.{face}.example. hostmaster.{face}.example. 1 3600 600 604800 5
@ 60 IN NS ns.{face}.example.
trunk 60 IN NAPTR 5 10 "s" "SIP+D2U" "" _sip._udp.trunk.{face}.example.
trunk 60 IN NAPTR 10 10 "s" "SIPS+D2T" "" _sips._tcp.trunk.{face}.example.
_sip._udp.trunk 60 IN SRV 10 10 5060 second.{face}.example.
_sips._tcp.trunk 60 IN SRV 10 10 {TLS_PORT} first.{face}.example.
_sips._tcp.trunk 60 IN SRV 20 10 {TLS_PORT} second.{face}.example.
first 60 IN A {FIRST[face]}
second 60 IN A {SECOND[face]}
"""


def named(text: str) -> str:
    for face, first in FIRST.items():
        second = SECOND[face]
        text = text.replace(f'signalling = ["{second}"]', f'signalling = ["{second}", "{first}"]')
        text = text.replace(f'"sip:{second}:{TLS_PORT}"', f'"sip:trunk.{face}.example"')
    return f'{text}\n[dns]\nresolvers = ["{SERVER}"]\n'


@pytest.fixture(scope="module")
def found(suite: str, tmp_path_factory: pytest.TempPathFactory, keeper: Keeper) -> Iterator[Rig]:
    """All faces over TLS, carrier and platform known by name."""
    keeper.close()  # its rig holds the same addresses
    folder = tmp_path_factory.mktemp("destinations")
    zones = {f"{face}.example": zone(face) for face in FIRST}
    with (
        NameServer(folder / "nsd", SERVER, zones),
        Rig(
            Rootfs.build(suite), folder / "rig", tls=frozenset(FACES), amend=named, edits=(SOONER_SILENT,)
        ) as rig,
    ):
        yield rig


class Busy(TlsPeer):
    """Turns every INVITE away with 503."""

    def _take(self, message: Message) -> None:
        super()._take(message)
        if message.is_request and message.method == "INVITE":
            self.reply(message, 503, tag="busy")


@contextmanager
def first_server(rig: Rig, face: str, fails: str) -> Iterator[TlsPeer | None]:
    """The preferred server of that face; None when nobody listens there."""
    if fails == "gone":
        yield None
        return
    kind = Busy if fails == "busy" else TlsPeer
    server = kind(FIRST[face], BLOCK.kamailio, rig.workspace.root / "tls", face)
    try:
        yield server
    finally:
        server.close()


@pytest.mark.parametrize("fails", FAILS)
@pytest.mark.parametrize("face", FIRST)
def test_the_next_server_of_the_name_takes_the_call(found: Rig, face: str, fails: str) -> None:
    """With the partner before it: one hand-off, one call; nothing in the clear to the decoy."""
    rig = found
    rig.fresh()
    with (
        first_server(rig, face, fails) as first,
        SipPeer(SECOND[face], BLOCK.kamailio) as decoy,
    ):
        story = inbound(rig) if face == "platform" else outbound(rig)
        story.everybody_talks()
        heard_at_home(story)
        story.hang_up()
        assert len(rig.sink.handoffs) == 1
        assert first is None or [one.method for one in first.heard][:1] == ["INVITE"], "it was asked first"
        assert decoy.heard == []
