"""Both libraries of ours in one Kamailio, in either order of LD_PRELOAD: each does what it does alone (infra/peer-check, infra/log-door)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.router.conftest import MakeRig
from tests.integration.router.rig import BLOCK, Rig
from tests.integration.router.story import inbound
from tests.integration.router.test_impostor import (
    ENCRYPTED,
    a_call_comes,
    goes_past,
    impostor_stands,
    the_partner_is_back,
    wrong_name,
)
from tests.support.tls_peer import TlsPeer

pytestmark = [pytest.mark.integration, pytest.mark.compat]

PRELOAD = "LD_PRELOAD="
CANARY = "4242424242424242"
UNREADABLE = (
    f"INFO sip:x@{BLOCK.kamailio} SIP/2.0\r\nVia: SIP/2.0/UDP ;;; {CANARY}\r\nFrom: <sip:a@b>;tag=a\r\n"
    f"To: <sip:x@{BLOCK.kamailio}>;tag=b\r\nCall-ID: one\r\nCSeq: 1 INFO\r\nContent-Length: 0\r\n\r\n"
).encode()
"""The core's Via parser prints it as an error, whatever `debug` says."""


@pytest.fixture(params=["log door first", "peer check first"])
def both(make_rig: MakeRig, request: pytest.FixtureRequest) -> Iterator[Rig]:
    rig = make_rig(tls=ENCRYPTED)
    argv = list(rig.kamailio.argv)
    (at,) = [place for place, word in enumerate(argv) if word.startswith(PRELOAD)]
    libraries = sorted(argv[at].removeprefix(PRELOAD).split(":"), reverse=request.param.startswith("peer"))
    try:
        started_as(rig, [*argv[:at], PRELOAD + ":".join(libraries), *argv[at + 1 :]])
        yield rig
    finally:
        started_as(rig, argv)


def started_as(rig: Rig, argv: list[str]) -> None:
    rig.kamailio.stop()
    for peer in rig.peers:
        if isinstance(peer, TlsPeer):
            peer.hang_up_connection()
    rig.kamailio.argv[:] = argv
    rig.kamailio.restart()


def test_each_does_what_it_does_alone(both: Rig) -> None:
    maps = Path(f"/proc/{both.kamailio.pid}/maps").read_text(encoding="utf-8")
    assert "callseal-peer-check.so" in maps
    assert "callseal-log-door.so" in maps
    assert "debugger.so" not in maps, "the log door is heard"
    inbound(both).hang_up()
    impostor = impostor_stands(both, wrong_name(both.workspace.root / "tls"))
    failed = both.count("tls_ended")
    try:
        goes_past(both, a_call_comes(both))
        assert both.count("tls_ended") > failed
        assert impostor.heard == []
    finally:
        the_partner_is_back(both)
    for _ in range(40):  # for each worker some of them
        both.carrier.send_bytes(UNREADABLE)
    both.fresh()
    inbound(both).hang_up()
    log = both.kamailio.log_text()
    assert CANARY not in log
    assert "ERROR: tls" in log, "why a handshake failed is for the operator to see"
