"""Ports, as the kernel lists them and the firewall opens them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from callseal.operate import checks_neighbours
from callseal.operate.doctor import examine_edge
from callseal.operate.patient import Answer, NoAnswerError, Patient
from tests.unit.operate.patients import levels

pytestmark = pytest.mark.unit

SIP, NG, EVENTS = "1400587F:13C4", "1500587F:08AF", "1600587F:1F57"
NG_HTTP, AGENT = "1500587F:08B0", "1600587F:1F56"


def _listening_on(proc: Path, udp: list[str], tcp: list[str]) -> None:
    net = proc / "net"
    net.mkdir(parents=True)
    line = "  1: {} 00000000:0000 {} 00000000:00000000 00:00000000 00000000     0        0 4242 2\n"
    (net / "udp").write_text("head\n" + "".join(line.format(one, "07") for one in udp), encoding="ascii")
    (net / "tcp").write_text("head\n" + "".join(line.format(one, "0A") for one in tcp), encoding="ascii")


def test_ports_as_the_kernel_lists_them(who: Patient) -> None:
    _listening_on(who.proc, [SIP, NG, EVENTS], [NG_HTTP, AGENT])
    assert levels(*checks_neighbours.ports(who)) == ["ok"]


def test_a_peer_on_tcp_needs_a_listener_for_it(who: Patient) -> None:
    peer = who.deployment.partner.model_copy(update={"transport": "tcp"})
    tcp = replace(who, deployment=who.deployment.model_copy(update={"partner": peer}))
    _listening_on(who.proc, [SIP, NG, EVENTS], [NG_HTTP, AGENT])
    (finding,) = checks_neighbours.ports(tcp)
    assert (finding.level, "5060/tcp (SIP over TCP)" in finding.text) == ("fail", True)
    assert levels(*checks_neighbours.ports(who)) == ["ok"]


def test_only_ways_that_the_firewall_opens_are_tried(who: Patient) -> None:
    """The edge reaches its own parts, the other edges' and the desk; the partner's API is the desk's affair."""
    tried: list[str] = []

    def get(url: str) -> Answer:
        tried.append(url)
        raise NoAnswerError("ConnectError")

    list(examine_edge(replace(who, get=get)))
    assert any(url.startswith(who.deployment.desk.url) for url in tried)
    assert not [url for url in tried if url.startswith(who.deployment.partner.api)]


def test_a_port_that_nobody_serves(who: Patient) -> None:
    _listening_on(who.proc, [SIP, NG], [NG_HTTP, AGENT])
    (finding,) = checks_neighbours.ports(who)
    assert (finding.level, "8023" in finding.text) == ("fail", True)


def test_control_ports_open_to_everybody(who: Patient) -> None:
    _listening_on(who.proc, ["00000000:13C4", "00000000:08AF", EVENTS], [NG_HTTP, AGENT])
    (finding,) = checks_neighbours.ports(who)
    assert (finding.level, "ng listens on every address" in finding.text) == ("fail", True)
