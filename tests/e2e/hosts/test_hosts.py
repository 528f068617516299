"""Paid calls between hosts that see each other only through their firewalls."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import dns.message
import dns.query
import httpx2
import pytest

from callseal.lab.hosts import Hosts
from callseal.lab.story import PaidCall
from tests.support.sip_scanner import EXTENSIONS, knock, ping, scan_sip, scanning
from tests.support.sipvicious import ALL, scanners
from tests.support.stage import Stage

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

EDGES = {
    "edge-1": ("192.0.2.20", "192.0.2.21", "192.0.2.22"),
    "edge-2": ("203.0.113.20", "203.0.113.21", "203.0.113.22"),
}
LIKELY = (*range(1, 1024), 2223, 2224, *range(5000, 5100), 8022, 8023, *range(30000, 40000, 97))
AT_HOME = {
    "edge-1": {"kamailio", "rtpengine-edge", "edge-agent"},
    "edge-2": {"kamailio-edge-2", "rtpengine-edge-edge-2", "edge-agent-edge-2"},
    "partner": {"partner", "rtpengine-partner"},
    "psp": {"psp"},
    "platform": {"platform", "agent's phone"},
    "carrier": {"customer's phone"},
    "desk": {"desk"},
    "dns": {"name-server"},
}


@pytest.fixture(scope="module")
def hosts() -> Hosts:
    return Hosts()


@pytest.fixture(scope="module")
def stage(open_stage: Callable[..., Stage], hosts: Hosts) -> Stage:
    return open_stage(site=hosts)


def network(pid: int | str) -> int:
    """The network namespace of a process."""
    return Path(f"/proc/{pid}/ns/net").stat().st_ino


def test_every_party_is_on_a_host_of_its_own(stage: Stage) -> None:
    pids = {name: daemon.pid for name, daemon in stage.world.daemons.items()}
    pids |= {"customer's phone": stage.customer.pid, "agent's phone": stage.agent.pid}
    assert {name for names in AT_HOME.values() for name in names} == set(pids)
    networks = {host: {network(pids[name]) for name in names} for host, names in AT_HOME.items()}
    assert all(len(found) == 1 for found in networks.values()), networks
    assert len(set.union(*networks.values(), {network("self")})) == len(networks) + 1


def test_a_paid_call_meets_no_closed_door(stage: Stage, hosts: Hosts) -> None:
    before = {edge: hosts.counters(addresses[0]) for edge, addresses in EDGES.items()}
    call = stage.call()
    call.dial()
    stage.ear.mark("press")
    assert call.pay()["result"]["outcome"] == "approved"
    stage.ear.mark("restored")
    call.hang_up()
    heard = stage.ear.heard("press", "restored")
    assert heard.listened, heard
    assert heard.clean, heard
    for edge, (address, *_) in EDGES.items():
        counted = {name: count - before[edge][name] for name, count in hosts.counters(address).items()}
        assert counted["refused_in"] == counted["refused_out"] == 0, edge
        crossed = [
            counted[f"rtp_{way}.{peer}"] for way in ("in", "out") for peer in ("carrier-a", "sandbox", "pbx")
        ]
        assert all(count > 10 for count in crossed) == (edge == "edge-1"), counted


def test_the_customers_call_comes_by_the_second_edge(stage: Stage, hosts: Hosts) -> None:
    """The partner sends its INVITE to the first edge: the legs are on two edges, the media on the second one's rtpengine."""
    second = hosts.kamailios[1]
    before = hosts.counters(second)
    with stage.world.customer(
        name="customer-2", outbound_proxy=f"{second}:5060", sip_port=5061, rtp_first=20500
    ) as customer:
        call = PaidCall(stage.world, customer, stage.agent, stage.desk)
        call.dial()
        stage.ear.mark("press")
        assert call.pay()["result"]["outcome"] == "approved"
        stage.ear.mark("restored")
        call.hang_up()
    heard = stage.ear.heard("press", "restored")
    assert heard.listened, heard
    assert heard.clean, heard
    counted = {name: count - before[name] for name, count in hosts.counters(second).items()}
    assert counted["sip_in.carrier-a"] > 3
    assert counted["rtp_in.carrier-a"] > 100
    assert counted["ng_in.edge-1"] > 0, "the first edge uses the second one's rtpengine"
    assert counted["refused_in"] == counted["refused_out"] == 0


def test_a_stranger_finds_nothing(stage: Stage, hosts: Hosts) -> None:
    """Every port of both SIP addresses, the likely ones elsewhere, and from the addresses next to known ones too; SIPVicious besides."""
    edges = [address for addresses in EDGES.values() for address in addresses]
    signalling = [addresses[0] for addresses in EDGES.values()]
    before = {address: hosts.counters(address)["refused_in"] for address in signalling}
    with ExitStack() as running:
        with hosts.inside(hosts.stranger):
            found = running.enter_context(scanners(hosts.stranger, hosts.kamailio, ALL))
        sent = all_doors(hosts, edges, signalling)
    assert found == {" ".join(tool): False for tool in ALL}
    refused = sum(hosts.counters(address)["refused_in"] - count for address, count in before.items())
    assert refused > sent, "it was the edges that refused"
    # Meanwhile the edges are there for those who are known.
    call = stage.call()
    call.dial()
    call.hang_up()


def all_doors(hosts: Hosts, edges: list[str], signalling: list[str]) -> int:
    """Our own scanner from three addresses, which must hear nothing at all. Returns how much it sent."""
    sent = 0
    for source in (hosts.stranger, hosts.host(67), hosts.host(68)):
        with scanning(hosts, source) as heard:
            sent += scan_sip(hosts, source, signalling)
            for address in edges:
                all_ports = source == hosts.stranger and address in signalling
                sent += 2 * knock(hosts, source, address, range(1, 65536) if all_ports else LIKELY)
                ping(hosts, source, address)
            assert heard.settle() == []
    return sent


def test_the_scanner_hears_an_answer_where_there_is_one(stage: Stage, hosts: Hosts) -> None:
    with scanning(hosts, hosts.customer) as heard:
        scan_sip(hosts, hosts.customer, [hosts.kamailio], ports=[5060], methods=["OPTIONS"])
        assert len(heard.settle()) >= len(EXTENSIONS)


def opens(hosts: Hosts, source: str, target: str, port: int) -> bool:
    """A TCP connection from one host to another."""
    with hosts.inside(source), socket.socket(socket.AF_INET, socket.SOCK_STREAM) as caller:
        caller.bind((source, 0))
        caller.settimeout(0.1)
        try:
            caller.connect((target, port))
        except OSError:
            return False
        return True


def test_partner_and_desk_are_open_to_those_who_need_them(stage: Stage, hosts: Hosts) -> None:
    parties = {
        "carrier": hosts.customer,
        "edge-1": EDGES["edge-1"][2],
        "edge-2": EDGES["edge-2"][2],
        "partner": hosts.partner,
        "platform": hosts.agent,
        "desk": hosts.desk,
        "office": hosts.office,
        "stranger": hosts.stranger,
        "beside the partner": hosts.host(68),
    }
    doors = {
        "the partner's API": (hosts.partner, 8030, {"desk", "partner"}),
        "the desk": (hosts.desk, 8050, {"edge-1", "edge-2", "partner", "office", "desk"}),
        "the PSP": (hosts.psp, 8033, {"partner"}),
        "the platform's API": (hosts.platform, 8041, {"desk", "platform"}),
        "the first edge's agent": (EDGES["edge-1"][2], 8022, {"desk", "edge-1"}),
        "the partner's rtpengine": (hosts.partner_media, 2224, set()),
    }
    for door, (address, port, wanted) in doors.items():
        assert {name for name, source in parties.items() if opens(hosts, source, address, port)} == wanted, (
            door
        )


def test_the_agents_browser_reaches_the_desk_from_the_office(stage: Stage, hosts: Hosts) -> None:
    with hosts.inside(hosts.office):
        assert httpx2.get(f"{stage.world.desk_url}/healthz", timeout=2).status_code == 200


def test_every_host_asks_the_labs_name_server(stage: Stage, hosts: Hosts) -> None:
    with hosts.inside(EDGES["edge-1"][2]):
        answer = dns.query.udp(dns.message.make_query("edge-2.lab.test.", "A"), hosts.name_server, timeout=2)
    assert [str(record) for records in answer.answer for record in records] == ["203.0.113.20"]
    for daemon in ("kamailio", "kamailio-edge-2", "edge-agent", "partner", "desk"):
        resolver = Path(f"/proc/{stage.world.daemons[daemon].pid}/root/etc/resolv.conf").read_text()
        servers = [line for line in resolver.splitlines() if line.startswith("nameserver")]
        assert servers == [f"nameserver {hosts.name_server}"], daemon
