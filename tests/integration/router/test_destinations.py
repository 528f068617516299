"""Platform and carrier have two destinations: a silent one is left out until it answers a probe again."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from callseal.edge.router_state import Probe, destinations
from callseal.lab.rootfs import Rootfs
from tests.integration.router.conftest import Keeper
from tests.integration.router.rig import BLOCK, Rig
from tests.integration.router.story import NUMBER
from tests.integration.router.test_partner_down import connect_in, connect_out, dial_in, dial_out
from tests.support.sip_peer import SipPeer

pytestmark = pytest.mark.integration

FIRST = {"carrier": BLOCK.host(12), "platform": BLOCK.host(42)}
SECOND = {"carrier": BLOCK.customer, "platform": BLOCK.agent}
DIALLED_OUT = "+447700900555"


def two_servers(text: str) -> str:
    for face, first in FIRST.items():
        second = SECOND[face]
        text = text.replace(f'signalling = ["{second}"]', f'signalling = ["{second}", "{first}"]')
        text = text.replace(
            f'destinations = ["sip:{second}:5060"]',
            f'destinations = ["sip:{first}:5060", "sip:{second}:5060"]',
        )
    return text


@pytest.fixture(scope="module")
def listed(suite: str, tmp_path_factory: pytest.TempPathFactory, keeper: Keeper) -> Iterator[Rig]:
    """Two destinations each, probed every second. The partner is down, so that calls go past it, the other way to a destination."""
    keeper.close()  # its rig holds the same addresses
    with Rig(
        Rootfs.build(suite),
        tmp_path_factory.mktemp("listed"),
        amend=two_servers,
        edits=(("#!define PING_INTERVAL 10", "#!define PING_INTERVAL 1"),),
    ) as rig:
        rig.rpc("dispatcher.set_state", "dx", 1, f"sip:{rig.partner.address}:5060")
        yield rig


def state(rig: Rig, face: str) -> str:
    """`A` or `I` of the face's first destination."""
    for one in rig.rpc("dispatcher.list")["RECORDS"]:
        for target in one["SET"]["TARGETS"]:
            if str(target["DEST"]["URI"]).startswith(f"sip:{FIRST[face]}:"):
                return str(target["DEST"]["FLAGS"])[0]
    raise AssertionError(f"the {face} has no first destination")


def become(rig: Rig, wanted: str) -> None:
    """Wait until the first destinations of both faces are in that state."""
    deadline = time.monotonic() + 10
    while {state(rig, face) for face in FIRST} != {wanted}:
        assert time.monotonic() < deadline, f"not {wanted}"
        time.sleep(0.05)


def test_the_first_probe_is_told_from_none(listed: Rig) -> None:
    """Kamailio takes a destination for up until it has asked; then the list says so."""
    rig = listed
    assert str(rig.rpc("dispatcher.reload")).lower().startswith("ok")
    fresh = {one.uri: one for one in destinations(rig.rpc("dispatcher.list"))}
    waited = [f"sip:{SECOND[face]}:5060" for face in SECOND]
    assert {(fresh[uri].up, fresh[uri].probe) for uri in waited} == {(True, Probe.NONE_YET)}
    deadline = time.monotonic() + 5
    while {one.probe for one in fresh.values() if one.uri in waited} != {Probe.ANSWERED}:
        assert time.monotonic() < deadline, fresh
        time.sleep(0.05)
        fresh = {one.uri: one for one in destinations(rig.rpc("dispatcher.list"))}
    rig.rpc("dispatcher.set_state", "dx", 1, f"sip:{rig.partner.address}:5060")


def call(rig: Rig, face: str) -> float:
    """Seconds until the second destination has a call, which is then talked on and hung up."""
    rig.fresh()
    began = time.monotonic()
    if face == "platform":
        carrier, cseq = dial_in(rig)
        invite = connect_in(rig, carrier, cseq)[1]
        number = NUMBER
    else:
        platform, cseq = dial_out(rig, DIALLED_OUT)
        invite = connect_out(rig, platform, cseq)
        number = DIALLED_OUT
    assert invite.uri == f"sip:{number}@{SECOND[face]}:5060"
    return time.monotonic() - began


def test_a_silent_destination_is_left_out_until_it_answers_a_probe(listed: Rig) -> None:
    """The first caller waits for its silence (2 s), the next one does not."""
    rig = listed
    with (
        SipPeer(FIRST["carrier"], BLOCK.kamailio) as carrier,
        SipPeer(FIRST["platform"], BLOCK.kamailio) as platform,
    ):
        first = {"carrier": carrier, "platform": platform}
        become(rig, "A")
        for server in first.values():
            server.mute = True
        for face, server in first.items():
            assert call(rig, face) > 2
            assert [one.method for one in server.heard] == ["INVITE"]
        for face, server in first.items():
            assert call(rig, face) < 2
            assert len(server.heard) == 1
        for server in first.values():
            server.mute = False
        become(rig, "A")


def test_what_stands_behind_an_emergency_number_goes_to_the_next_destination_too(listed: Rig) -> None:
    rig = listed
    with (
        SipPeer(FIRST["carrier"], BLOCK.kamailio) as first,
        SipPeer(FIRST["platform"], BLOCK.kamailio),
    ):
        become(rig, "A")
        rig.fresh()
        platform, cseq = dial_out(rig, "112;phone-context=+44")
        tried = first.expect_request("INVITE")
        first.reply(tried, 503, tag="x")
        invite = connect_out(rig, platform, cseq)
        assert tried.uri == f"sip:112;phone-context=+44@{FIRST['carrier']}:5060;user=phone"
        assert invite.uri == f"sip:112;phone-context=+44@{SECOND['carrier']}:5060;user=phone"
