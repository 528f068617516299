"""The lab's cloud, on paper."""

from __future__ import annotations

from pathlib import Path

import pytest

from callseal.deployment import read
from callseal.lab import nat_host
from callseal.lab.host_commands import HostsError
from callseal.lab.hosts import HOSTS, Hosts
from callseal.lab.workspace import Workspace

pytestmark = pytest.mark.unit


def test_the_first_edge_is_bound_to_what_nobody_else_has(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, Hosts(nat=True))
    workspace.prepare()
    first, second = read(workspace.deployment).edges
    assert (str(first.sip), str(first.bound.sip)) == ("192.0.2.20:5060", "198.51.100.220:5060")
    assert (str(first.media), str(first.bound.media)) == ("192.0.2.21", "198.51.100.221")
    assert second.bound == second
    taken = {address for host in HOSTS for address in host.addresses.values()}
    assert not taken & {*nat_host.PRIVATE.values(), nat_host.NEXT_HOP}


def test_what_a_process_is_bound_to() -> None:
    assert Hosts(nat=True).card("192.0.2.20") == "198.51.100.220"
    assert Hosts(nat=True).card("203.0.113.20") == "203.0.113.20"
    assert Hosts().card("192.0.2.20") == "192.0.2.20"


def test_it_maps_both_ways_and_not_the_inside_address() -> None:
    text = nat_host.rules({22: "192.0.2.22", 20: "192.0.2.20", 21: "192.0.2.21"})
    assert "ip daddr map { 192.0.2.20 : 198.51.100.220, 192.0.2.21 : 198.51.100.221 }" in text
    assert "ip saddr map { 198.51.100.220 : 192.0.2.20, 198.51.100.221 : 192.0.2.21 }" in text
    assert "ip saddr != { 198.51.100.220, 198.51.100.221, 192.0.2.22 }" in text


def test_a_deployment_without_that_edge_is_refused() -> None:
    with pytest.raises(HostsError, match="edge-1"):
        nat_host.bound('[[edges]]\nid = "other"\n')
