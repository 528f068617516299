"""The resolver beside an edge goes on saying what it knows when the name server is dead, and soon enough for Kamailio."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import dns.exception
import dns.resolver
import pytest

from callseal.lab.block import Block
from callseal.lab.caching_resolver import CachingResolver
from callseal.lab.name_server import NameServer

pytestmark = pytest.mark.integration

BLOCK = Block("127.89.1")
SERVER, RESOLVER = BLOCK.host(53), BLOCK.host(54)
ZONE = "peers.test"
TTL_S = 1
KAMAILIO_WAITS_S = 1.0
"""`dns_retr_time` of router/kamailio.cfg."""
LONG_S, AGAIN_S = 300, 10
TEXT = f"""\
$ORIGIN {ZONE}.
@ 60 IN SOA ns.{ZONE}. hostmaster.{ZONE}. 1 3600 600 604800 5
@ 60 IN NS ns.{ZONE}.
partner {TTL_S} IN NAPTR 10 10 "s" "SIPS+D2T" "" _sips._tcp.partner.{ZONE}.
_sips._tcp.partner {TTL_S} IN SRV 10 10 5061 one.{ZONE}.
one {TTL_S} IN A 192.0.2.130
two {TTL_S} IN A 192.0.2.131
"""
KNOWN = {
    ("partner", "NAPTR"): f'10 10 "s" "SIPS+D2T" "" _sips._tcp.partner.{ZONE}.',
    ("_sips._tcp.partner", "SRV"): f"10 10 5061 one.{ZONE}.",
    ("one", "A"): "192.0.2.130",
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NameServer]:
    with NameServer(tmp_path / "nsd", SERVER, {ZONE: TEXT}) as server:
        yield server


@pytest.fixture
def resolver(server: NameServer, tmp_path: Path) -> Iterator[str]:
    with CachingResolver(tmp_path / "unbound", RESOLVER, zone=ZONE, server=server.address):
        yield RESOLVER


def ask(address: str, name: str, kind: str) -> str:
    asking = dns.resolver.Resolver(configure=False)
    asking.nameservers = [address]
    (record,) = asking.resolve(f"{name}.{ZONE}", kind, lifetime=KAMAILIO_WAITS_S)
    return str(record.to_text())


def test_what_was_known_is_said_after_the_name_server_died(server: NameServer, resolver: str) -> None:
    for (name, kind), text in KNOWN.items():
        assert ask(resolver, name, kind) == text
    server.kill()
    time.sleep(TTL_S + 1)
    for (name, kind), text in KNOWN.items():
        assert ask(resolver, name, kind) == text
    with pytest.raises(dns.exception.DNSException):
        ask(resolver, "two", "A")  # never asked while the server lived
    with pytest.raises(dns.exception.DNSException):
        ask(SERVER, "one", "A")


@pytest.mark.soak
@pytest.mark.timeout(2 * LONG_S)
def test_a_name_server_that_was_silent_for_long_is_asked_again_at_once(tmp_path: Path) -> None:
    """By itself Unbound gives it up for a quarter of an hour after some minutes."""
    with CachingResolver(tmp_path / "unbound", RESOLVER, zone=ZONE, server=SERVER):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind((SERVER, 53))
            over = time.monotonic() + LONG_S
            while time.monotonic() < over:
                with suppress(dns.exception.DNSException):
                    ask(RESOLVER, "one", "A")
                time.sleep(2)
        with NameServer(tmp_path / "nsd", SERVER, {ZONE: TEXT}):
            deadline = time.monotonic() + AGAIN_S
            while True:
                with suppress(dns.exception.DNSException):
                    assert ask(RESOLVER, "one", "A") == "192.0.2.130"
                    break
                assert time.monotonic() < deadline
                time.sleep(0.5)


def test_a_change_is_seen_when_the_record_has_ended(server: NameServer, resolver: str) -> None:
    assert ask(resolver, "one", "A") == "192.0.2.130"
    server.serve(ZONE, TEXT.replace("192.0.2.130", "192.0.2.140"))
    deadline = time.monotonic() + TTL_S + 3
    while ask(resolver, "one", "A") != "192.0.2.140":
        assert time.monotonic() < deadline
        time.sleep(0.2)
