"""The zone, served by a real name server and asked as a peer asks: every edge is found, in the right order."""

from __future__ import annotations

from collections.abc import Iterator

import dns.resolver
import pytest

from callseal.deployment import Deployment, read
from callseal.lab.block import Block
from callseal.lab.name_server import NameServer
from callseal.lab.workspace import Workspace
from callseal.render.locate import Place, locate
from callseal.render.write import write_zone

pytestmark = pytest.mark.integration

BLOCK = Block("127.89.0")
SERVER = BLOCK.host(53)
_MORE = """
[dns]
zone = "example.net"
name_servers = ["ns1.example.org"]

[[regions]]
id = "local"
cluster = "eu.sip.example.net"

[[regions]]
id = "us"
cluster = "us.sip.example.net"
"""
_EDGE = """
[[edges]]
id = "edge-{n}"
region = "{region}"
server_id = {n}
sip = "127.89.0.{sip}:5060"
sip_tls = "127.89.0.{sip}:5061"
host = "edge-{n}.example.net"
media = "127.89.0.{media}"
media_ports = "30000-39999"
ng = "127.89.0.{media}:2223"
agent = "http://127.89.0.{agent}:8022"
events = "127.89.0.{agent}:8023"
"""


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    workspace = Workspace(tmp_path_factory.mktemp("zone"), BLOCK, tls=frozenset({"partner", "platform"}))
    workspace.prepare()
    text = workspace.deployment.read_text(encoding="utf-8") + _MORE
    text += _EDGE.format(n=2, region="local", sip=120, media=121, agent=122)
    text += _EDGE.format(n=3, region="us", sip=130, media=131, agent=132)
    workspace.deployment.write_text(text, encoding="utf-8")
    return read(workspace.deployment)


@pytest.fixture(scope="module")
def resolver(
    deployment: Deployment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dns.resolver.Resolver]:
    folder = tmp_path_factory.mktemp("nsd")
    (written,) = write_zone(deployment, folder, serial=2026112501)
    with NameServer(folder / "server", SERVER, {"example.net": written.read_text(encoding="utf-8")}):
        asking = dns.resolver.Resolver(configure=False)
        asking.nameservers = [SERVER]
        yield asking


def places(found: list[Place]) -> list[str]:
    return [f"{place.transport} {place.host} {place.port} {place.address}" for place in found]


def test_a_peer_on_tls_finds_the_edges_of_its_region_first(resolver: dns.resolver.Resolver) -> None:
    assert places(locate("eu.sip.example.net", resolver, transports=["tls"])) == [
        "tls edge-1.eu.sip.example.net 5061 127.89.0.20",
        "tls edge-2.example.net 5061 127.89.0.120",
        "tls edge-3.example.net 5061 127.89.0.130",
    ]
    assert places(locate("us.sip.example.net", resolver, transports=["tls"]))[0].startswith("tls edge-3")


def test_a_peer_that_speaks_both_is_offered_tls_first(resolver: dns.resolver.Resolver) -> None:
    found = locate("eu.sip.example.net", resolver)
    assert [place.transport for place in found] == ["tls"] * 3 + ["udp"] * 3
    assert found[3].port == 5060


def test_a_peer_that_knows_addresses_only(resolver: dns.resolver.Resolver) -> None:
    """The cluster's name has addresses too, those of its own region; so has every edge."""
    assert sorted(record.to_text() for record in resolver.resolve("eu.sip.example.net", "A")) == [
        "127.89.0.120",
        "127.89.0.20",
    ]
    assert places(locate("edge-3.example.net", resolver, transports=["tls"])) == [
        "tls edge-3.example.net 5061 127.89.0.130"
    ]


def test_the_server_took_the_zone_as_it_is(resolver: dns.resolver.Resolver) -> None:
    soa = resolver.resolve("example.net", "SOA")[0]
    assert soa.serial == 2026112501
    assert resolver.resolve("example.net", "NS")[0].to_text() == "ns1.example.org."
    ttl = {
        kind: resolver.resolve(name, kind).response.answer[0].ttl
        for name, kind in (
            ("eu.sip.example.net", "NAPTR"),
            ("_sips._tcp.eu.sip.example.net", "SRV"),
            ("edge-2.example.net", "A"),
        )
    }
    assert ttl == {"NAPTR": 60, "SRV": 30, "A": 300}
