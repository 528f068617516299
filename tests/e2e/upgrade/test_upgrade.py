"""The how-to of an upgrade, step by step, with calls up: desk, then edge by edge. Nobody is cut off and no key is heard."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from callseal.deployment import read
from callseal.lab.story import APPROVED, DIALLED
from callseal.render import render
from tests.support.sip_peer import Dialog, SipPeer
from tests.support.stage import Stage, keys_heard, voices_flow

pytestmark = pytest.mark.e2e

FIRST, SECOND = "edge-1", "edge-2"
NOTICED_S = 2.0
"""The sandbox partner looks which edge answers; a real one is told by DNS, or by the time it takes."""
ALL_OF = {
    FIRST: ("kamailio", "edge-agent", "rtpengine-edge"),
    SECOND: ("kamailio-edge-2", "edge-agent-edge-2", "rtpengine-edge-edge-2"),
}


@pytest.fixture(scope="module")
def pair(open_stage: Callable[..., Stage]) -> Stage:
    return open_stage(edges=2)


def command(stage: Stage, edge: str, verb: str, *arguments: str) -> list[str]:
    file, router = stage.world.workspace.deployment, stage.world.router_directory(edge)
    argv = [sys.executable, "-m", "callseal.cli.main", verb, str(file), "--edge", edge]
    return [*argv, "--router", str(router), *arguments]


def run(stage: Stage, edge: str, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = command(stage, edge, verb, *arguments)
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def stop(stage: Stage, names: tuple[str, ...]) -> None:
    for name in names:
        stage.world.daemons[name].stop()


def start(stage: Stage, edge: str, names: tuple[str, ...]) -> None:
    """What the new version renders, then its processes; Kamailio last, because it takes calls at once."""
    render(read(stage.world.workspace.deployment), edge, stage.world.router_directory(edge))
    for name in reversed(names):
        stage.world.daemons[name].restart()


def well(stage: Stage, edge: str) -> None:
    """`callseal doctor` finds nothing wrong. That destinations are not probed for 10 s is no fault, and not waited for here."""
    deadline = time.monotonic() + 20
    while True:
        findings = json.loads(run(stage, edge, "doctor", "--json").stdout)
        wrong = [one for one in findings if one["level"] != "ok" and "not probed yet" not in one["text"]]
        if not wrong:
            return
        assert time.monotonic() < deadline, wrong
        time.sleep(0.3)


def options(stage: Stage, address: str) -> int:
    with SipPeer(stage.world.block.customer, address, port=5099) as carrier:
        dialog = Dialog.new(carrier, f"sip:{DIALLED}@{address}")
        return dialog.answered(dialog.request("OPTIONS"), "OPTIONS").status


@pytest.fixture(scope="module")
def by_the_second(pair: Stage) -> Iterator[Stage]:
    """The same stage, with another customer, whose carrier sends calls to the second edge."""
    two = read(pair.world.workspace.deployment).edge(SECOND).sip
    changes = {"sip_port": 5061, "rtp_first": 20500, "outbound_proxy": str(two)}
    with pair.world.customer(name="customer-2", **changes) as customer:
        yield dataclasses.replace(pair, customer=customer)


@contextmanager
def draining(stage: Stage, edge: str) -> Iterator[subprocess.Popen[str]]:
    argv = command(stage, edge, "drain", "--limit", "60")
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        assert "takes no new calls" in process.stdout.readline()
        yield process
        output, _ = process.communicate(timeout=20)
        assert process.returncode == 0, output
        assert "nothing is left" in output
    finally:
        process.kill()
        process.wait()


def test_a_new_version_comes_to_desk_and_edges_while_people_talk(pair: Stage, by_the_second: Stage) -> None:
    one, two = (read(pair.world.workspace.deployment).edge(edge).sip.host for edge in (FIRST, SECOND))
    first, second = pair.call(), by_the_second.call()
    first.dial()

    # The desk, with a line secured: it asks before it calls it so again.
    pair.ear.mark("press")
    first.secure()
    pair.world.daemons["desk"].stop()
    pair.world.daemons["desk"].restart()
    pair.desk.wait_state(first.reference, "secured", timeout_s=10)

    # The first edge is emptied: no new call, and the one on it is paid for and comes to its end.
    with draining(pair, FIRST):
        assert (options(pair, one), options(pair, two)) == (503, 200)
        first.ask()
        first.type_card(APPROVED)
        assert first.charge(4250)["result"]["outcome"] == "approved"
        first.release()
        pair.ear.mark("restored")
        assert keys_heard(pair, "press", "restored") == 0
        first.hang_up()
    stop(pair, ALL_OF[FIRST])
    time.sleep(NOTICED_S)

    # While it is away calls come in by the other one.
    second.dial()
    start(pair, FIRST, ALL_OF[FIRST])
    well(pair, FIRST)
    voices_flow(by_the_second)

    # The second edge has a call that does not end: Kamailio and edge agent are replaced under it, with the line secured.
    assert run(pair, SECOND, "drain", "--limit", "0").returncode == 1
    pair.ear.mark("press again")
    second.secure()
    under = ALL_OF[SECOND][:2]
    stop(pair, under)
    second.customer.press("5", gap_ms=40)
    voices_flow(by_the_second)
    start(pair, SECOND, under)
    well(pair, SECOND)
    pair.desk.wait_state(second.reference, "secured", timeout_s=10)
    second.release()
    pair.ear.mark("restored again")
    assert keys_heard(pair, "press again", "restored again") == 0
    voices_flow(by_the_second)

    # Its rtpengine, when the last call has gone.
    with draining(pair, SECOND):
        second.hang_up()
    pair.world.daemons[ALL_OF[SECOND][2]].stop()
    pair.world.daemons[ALL_OF[SECOND][2]].restart()
    assert run(pair, SECOND, "undrain").returncode == 0
    well(pair, SECOND)
    third = by_the_second.call()
    third.dial()
    voices_flow(by_the_second)
    third.hang_up()
