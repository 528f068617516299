"""nftables takes the rendered file: as a check, twice, beside a running connection; and without it the machine answers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from callseal.lab.place import Namespace
from callseal.render import plan
from tests.integration.firewall.wire import EDGE, Guarded
from tests.support.sip_scanner import knock, ping, scanning
from tests.unit.render.test_firewall import SECOND_EDGE, rules
from tests.unit.render.test_plan import deployment

pytestmark = pytest.mark.integration

STRANGER = "203.0.113.66"
EVERYTHING = (
    SECOND_EDGE
    + '[dns]\nresolvers = ["192.0.2.53", "2001:db8::53"]\n[firewall]\ndesk = ["192.0.2.50", "2001:db8::50"]\n'
    'time_servers = ["192.0.2.123"]\nadmin = ["192.0.2.192/26", "2001:db8:2::/48"]\nmonitoring = ["192.0.2.90"]\ndhcp = true'
)
IPV6 = (
    ('signalling = ["127.88.0.10"]', 'signalling = ["127.88.0.10", "127.88.0.8/29", "2001:db8:3::/64"]'),
    ('sip = "127.88.0.20:5060"', 'sip = "127.88.0.20:5060"\nsip6 = "[2001:db8:1::20]:5060"'),
    ('media = "127.88.0.21"', 'media = "127.88.0.21"\nmedia6 = "2001:db8:1::21"'),
)


def nft(*arguments: str) -> str:
    """In a network of its own; what nft says, "" is good."""
    namespace = Namespace()
    try:
        done = subprocess.run(
            namespace.argv(["nft", *arguments]), capture_output=True, text=True, check=False
        )
    finally:
        namespace.close()
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("changes", "more"),
    [((), ""), ((), EVERYTHING), (IPV6, ""), (IPV6, EVERYTHING)],
    ids=["example", "everything", "ipv6", "everything with ipv6"],
)
def test_nft_accepts_it(tmp_path: Path, changes: tuple[tuple[str, str], ...], more: str) -> None:
    file = tmp_path / "firewall.nft"
    file.write_text(rules(tmp_path, *changes, more=more), encoding="utf-8")
    assert nft("-c", "-f", str(file)) == ""


def test_nft_would_have_complained(tmp_path: Path) -> None:
    file = tmp_path / "firewall.nft"
    file.write_text(rules(tmp_path).replace("udp dport 5060", "udp dport sipp"), encoding="utf-8")
    assert "Error" in nft("-c", "-f", str(file))


def test_the_example_renders_it_for_the_edge(tmp_path: Path) -> None:
    (file,) = [one for one in plan(deployment(tmp_path), "edge-1") if one.path == "firewall.nft"]
    assert file.mode == 0o644
    assert "secret" not in file.text


def test_loading_again_replaces_the_rules_and_keeps_connections(guarded: Guarded) -> None:
    import socket  # noqa: PLC0415

    hosts, agent = guarded.hosts, ("192.0.2.22", 8022)
    with hosts.inside(agent[0]), socket.create_server(agent) as server:
        with hosts.inside(hosts.desk):
            caller = socket.create_connection(agent, timeout=1, source_address=(hosts.desk, 0))
        with caller, server.accept()[0] as taken:
            before = hosts.rules(EDGE)
            hosts.load_firewall(EDGE, guarded.files["edge-1"])
            assert hosts.rules(EDGE) == before
            taken.sendall(b"still here")
            assert caller.recv(16) == b"still here"


def test_without_the_rules_the_machine_answers_and_with_them_it_is_silent(guarded: Guarded) -> None:
    hosts = guarded.hosts
    ports = (22, 2224, 5060, 8022, 30000, 65535)
    try:
        for loaded in (False, True):
            if loaded:
                hosts.load_firewall(EDGE, guarded.files["edge-1"])
            else:
                hosts.unload_firewall(EDGE)
            with scanning(hosts, STRANGER) as heard:
                knock(hosts, STRANGER, EDGE, ports)
                ping(hosts, STRANGER, EDGE)
                answers = heard.settle()
            if loaded:
                assert answers == []
            else:
                assert {protocol for protocol, _ in answers} == {1, 6}, "pong, unreachable, reset"
    finally:
        hosts.load_firewall(EDGE, guarded.files["edge-1"])
