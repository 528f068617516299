"""The first edge in a cloud: its cards have private addresses, and what stands before it maps the public ones to them. TLS and SRTP
towards the partner, SRTP to the platform, whose signalling is left readable; nobody is shown a private address."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from callseal.lab.agent_desk import Call
from callseal.lab.hosts import NAT, Hosts
from callseal.lab.nat_host import HAIRPINS, PRIVATE, STRAYS
from callseal.lab.phone import Phone
from callseal.lab.story import PaidCall
from callseal.render.own_public import COUNTER
from tests.support.sip_scanner import knock, ping, scan_sip, scanning
from tests.support.stage import Stage, keys_heard, voices_flow
from tests.support.wire_watch import WireWatch

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

SIP, MEDIA, INSIDE = "192.0.2.20", "192.0.2.21", "192.0.2.22"
SECOND, SECOND_INSIDE = "203.0.113.20", "203.0.113.22"
LIKELY = (*range(1, 1024), 2223, 2224, *range(5000, 5100), 8022, 8023, *range(30000, 40000, 97))
SECONDS = 12.0
"""Within that a call whose rtpengine died has media again."""
PING_S = 11.0


@pytest.fixture(scope="module")
def hosts() -> Hosts:
    return Hosts(nat=True)


@pytest.fixture(scope="module")
def stage(open_stage: Callable[..., Stage], hosts: Hosts) -> Stage:
    settings = {
        "partner.media_profile": '"srtp"',
        "platform.media_profile": '"srtp"',
        "fence": '"tones"',
        "anchors": '"two"',
    }
    return open_stage(site=hosts, tls=frozenset({"partner"}), settings=settings)


@pytest.fixture(scope="module")
def wires(stage: Stage, hosts: Hosts) -> Iterator[tuple[WireWatch, WireWatch]]:
    """Between all hosts, and at the partner behind its TLS."""
    hidden = tuple(PRIVATE.values())
    with (
        WireWatch(hosts.middle, hidden, control=(INSIDE, SECOND_INSIDE)) as middle,
        WireWatch(hosts.place(hosts.partner), hidden, interface="lo") as partner,
    ):
        yield middle, partner


@pytest.fixture(autouse=True)
def nobody_is_shown_a_private_address(wires: tuple[WireWatch, WireWatch], hosts: Hosts) -> Iterator[None]:
    yield
    assert [found[:300] for wire in wires for found in wire.found] == []
    assert hosts.counters_of(NAT) == {HAIRPINS: 0, STRAYS: 0}


def pays(stage: Stage, call: PaidCall) -> None:
    """The agent hears no digit of it, the partner all."""
    stage.ear.mark("press")
    assert call.pay()["result"]["outcome"] == "approved"
    stage.ear.mark("restored")
    assert keys_heard(stage, "press", "restored") == 0


def grew(hosts: Hosts, address: str, before: dict[str, int]) -> dict[str, int]:
    return {name: count - before[name] for name, count in hosts.counters(address).items()}


@contextmanager
def by_the_second_edge(stage: Stage) -> Iterator[tuple[Phone, PaidCall]]:
    """A customer whose carrier calls the other edge. The partner answers to the first, which serves the agent leg."""
    with stage.world.customer(
        name="customer-2", outbound_proxy=f"{SECOND}:5060", sip_port=5061, rtp_first=20500
    ) as customer:
        yield customer, PaidCall(stage.world, customer, stage.agent, stage.desk)


@contextmanager
def killed(stage: Stage, name: str) -> Iterator[None]:
    stage.world.daemons[name].kill()
    try:
        yield
    finally:
        stage.world.daemons[name].restart()
        time.sleep(2)  # It is known to be back.


def media_is_back(stage: Stage, call: PaidCall) -> None:
    def back(found: Call) -> bool:
        return (found["notice"] or {}).get("code") == "media_back"

    stage.desk.wait(call.reference, back, "word that media is back", SECONDS)


def test_a_paid_call_through_the_edge_behind_nat(
    stage: Stage, hosts: Hosts, wires: tuple[WireWatch, WireWatch]
) -> None:
    call = stage.call()
    call.dial()
    pays(stage, call)
    voices_flow(stage)
    call.hang_up()
    middle, partner = wires
    assert middle.packets > 1000
    for address in (SIP, MEDIA):
        assert middle.shows(address) > 4, "carrier and platform are shown the public address"
        assert partner.shows(address) > 4
    counted = hosts.counters(SIP)
    assert counted["refused_in"] == counted["refused_out"] == 0, counted
    assert counted[COUNTER] > 100, "both anchors are here, and send to each other"
    assert all(counted[f"rtp_in.{peer}"] > 100 for peer in ("carrier-a", "sandbox", "pbx")), counted


def test_the_doctor_finds_it_healthy(stage: Stage, hosts: Hosts) -> None:
    workspace = stage.world.workspace
    command = [sys.executable, "-m", "callseal.cli.main", "doctor", str(workspace.deployment)]
    command += ["--edge", "edge-1", "--router", str(workspace.router), "--json"]
    end = time.monotonic() + 15
    while True:  # its destinations are probed 10 s after Kamailio's start
        done = subprocess.run(hosts.argv(SIP, command), capture_output=True, text=True, check=False)
        found = json.loads(done.stdout)
        if not any("not probed yet" in one["text"] for one in found) or time.monotonic() > end:
            break
        time.sleep(0.5)
    assert [one for one in found if one["level"] != "ok"] == []
    texts = {one["check"]: one["text"] for one in found}
    assert f"{PRIVATE[21]}!{MEDIA}" in texts["rtpengine-interface"]
    assert PRIVATE[20] in texts["addresses"]
    assert MEDIA in texts["own-public"]


def test_the_customers_call_comes_by_the_other_edge(stage: Stage, hosts: Hosts) -> None:
    before = hosts.counters(SECOND)
    with by_the_second_edge(stage) as (_, call):
        call.dial()
        pays(stage, call)
        call.hang_up()
    counted = grew(hosts, SECOND, before)
    assert counted["ng_in.edge-1"] > 0
    assert counted["rtp_in.carrier-a"] > 100
    assert counted["refused_in"] == counted["refused_out"] == 0, counted


def test_a_stranger_finds_nothing(hosts: Hosts) -> None:
    before, sent = hosts.counters(SIP), 0
    for source in (hosts.stranger, hosts.host(67), hosts.host(68)):
        with scanning(hosts, source) as heard:
            sent += scan_sip(hosts, source, [SIP])
            for address in (SIP, MEDIA, INSIDE):
                sent += 2 * knock(hosts, source, address, LIKELY)
                ping(hosts, source, address)
            assert heard.settle() == []
    assert grew(hosts, SIP, before)["refused_in"] > sent, "it was the edge that refused"


def test_its_rtpengine_dies_and_the_other_edges_takes_the_call(stage: Stage, hosts: Hosts) -> None:
    call = stage.call()
    call.dial()
    voices_flow(stage)
    before = hosts.counters(SECOND)
    with killed(stage, "rtpengine-edge"):
        media_is_back(stage, call)
        pays(stage, call)
        voices_flow(stage)
        assert grew(hosts, SECOND, before)["rtp_in.carrier-a"] > 100
        call.hang_up()


def test_the_other_edges_rtpengine_dies_and_the_one_behind_nat_takes_the_call(
    stage: Stage, hosts: Hosts
) -> None:
    with by_the_second_edge(stage) as (customer, call):
        call.dial()
        before = hosts.counters(SIP)
        with killed(stage, "rtpengine-edge-edge-2"):
            media_is_back(stage, call)
            pays(stage, call)
            heard = customer.stats()["received_packets"]
            time.sleep(1)
            assert customer.stats()["received_packets"] - heard > 25
            counted = grew(hosts, SIP, before)
            assert counted["rtp_in.carrier-a"] > 100
            assert counted[COUNTER] > 100
            call.hang_up()


def test_its_own_requests_name_no_card(wires: tuple[WireWatch, WireWatch]) -> None:
    """Pings are what Kamailio writes itself, Call-ID and all; what they hold is looked at after every test. One in ten seconds."""
    middle, _ = wires
    deadline = time.monotonic() + PING_S
    while not middle.shows(SIP, "OPTIONS"):
        assert time.monotonic() < deadline, "no ping was seen"
        time.sleep(0.2)
