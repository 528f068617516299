"""The hosts of the lab, on paper."""

from __future__ import annotations

from pathlib import Path

import pytest

from callseal.deployment import Deployment, read
from callseal.lab.block import Block
from callseal.lab.host_commands import HostsError
from callseal.lab.host_rules import OPENINGS, Opening, rules
from callseal.lab.hosts import HOSTS, Hosts
from callseal.lab.name_server import zones
from callseal.lab.workspace import Workspace

pytestmark = pytest.mark.unit


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    workspace = Workspace(tmp_path, Hosts())
    workspace.prepare()
    return read(workspace.deployment)


def test_two_edges_in_two_regions_alike_but_for_their_addresses(deployment: Deployment) -> None:
    first, second = deployment.edges
    assert (first.id, second.id) == ("edge-1", "edge-2")
    assert first.region != second.region
    assert first.server_id != second.server_id
    assert first.media_ports == second.media_ports
    assert first.sip.port == second.sip.port


def test_control_and_agent_are_on_the_inside_address(deployment: Deployment) -> None:
    for edge in deployment.edges:
        inside = edge.ng.host
        assert inside not in {edge.sip.host, str(edge.media)}
        assert edge.events.host == inside
        assert f"//{inside}:" in edge.agent


def test_no_loopback_is_left_in_the_deployment(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, Hosts(), {"anchors": '"one"'})
    workspace.prepare()
    lines = [line.partition("#")[0] for line in workspace.deployment.read_text().splitlines()]
    assert not [line for line in lines if "127." in line]
    assert '\nanchors = "one" ' in workspace.deployment.read_text()


def test_an_example_without_what_is_changed_is_refused() -> None:
    with pytest.raises(HostsError, match="edges"):
        Hosts().deployment("name = 1\n")
    with pytest.raises(HostsError, match="server_id"):
        Hosts().deployment('[[edges]]\nid = "edge-1"\nregion = "local"\nserver_id = 7\n')


def test_every_process_of_the_loopback_lab_has_a_host() -> None:
    hosts, block = Hosts(), Block()
    for byte in {int(address.rpartition(".")[2]) for _, address, _ in block.listeners()}:
        assert hosts.host(byte) in {one for host in HOSTS for one in host.addresses.values()}


def test_addresses_are_of_the_documentation_ranges_and_belong_to_one_host() -> None:
    addresses = [address for host in HOSTS for address in host.addresses.values()]
    assert len(set(addresses)) == len(addresses)
    assert all(address.rpartition(".")[0] in {"192.0.2", "198.51.100", "203.0.113"} for address in addresses)
    assert all(len(host.name) <= 15 for host in HOSTS), "it is the name of a network device"


def test_every_host_whose_firewall_is_not_rendered_has_its_openings() -> None:
    assert set(OPENINGS) == {host.name for host in HOSTS} - {"edge-1", "edge-2", "desk"}


def test_openings_as_rules() -> None:
    text = rules((Opening("udp", "5060", (20, 120)), Opening("tcp", "53")), Hosts().host)
    assert "ip saddr { 192.0.2.20, 203.0.113.20 } udp dport 5060 accept\n" in text
    assert "\t\ttcp dport 53 accept\n" in text
    assert "policy drop" in text


def test_the_zone_has_every_edge(deployment: Deployment) -> None:
    (text,) = zones(deployment).values()
    for edge in deployment.edges:
        assert f"{edge.id}.lab.test. 300 IN A {edge.sip.host}\n" in text
