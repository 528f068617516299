"""How peers find the edges: NAPTR, SRV and addresses of every cluster, addresses of every edge (RFC 3263, RFC 2782, RFC 3403)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.zone

from callseal.deployment import Deployment, Edge, HostPort
from callseal.deployment.values import Address

OWN_REGION, OTHER_REGION = 10, 20
"""SRV priorities: the edges of a region first, then all others, which can serve its calls as well."""
WEIGHT = 50
NAPTR_TTL_S, SRV_TTL_S, ADDRESS_TTL_S = 60, 30, 300
"""An edge that is taken out of the zone gets no new call after SRV_TTL_S; its addresses stay as long as it has calls."""


@dataclass(frozen=True, slots=True)
class _Way:
    transport: str
    order: int
    service: str
    label: str


_WAYS = (
    _Way("tls", 10, "SIPS+D2T", "_sips._tcp"),
    _Way("tcp", 20, "SIP+D2T", "_sip._tcp"),
    _Way("udp", 30, "SIP+D2U", "_sip._udp"),
)
"""Encrypted first; a transport that no peer speaks is not offered at all."""


def host_of(deployment: Deployment, edge: Edge) -> str | None:
    """The name of one edge: its `host`, or one below its cluster's; None when it has neither."""
    cluster = deployment.cluster_of(edge)
    return edge.host or (f"{edge.id}.{cluster}".lower() if cluster else None)


def zone(deployment: Deployment, *, serial: int) -> str:
    """The zone file of `[dns] zone`, or "" when there is none. `serial` must grow with every change (unix time does)."""
    if deployment.dns.zone is None:
        return ""
    origin = dns.name.from_text(deployment.dns.zone)
    made = dns.zone.Zone(origin, relativize=False)
    servers = deployment.dns.name_servers
    _add(made, deployment.dns.zone, ADDRESS_TTL_S, "SOA", _soa(servers[0], deployment.dns.zone, serial))
    for server in servers:
        _add(made, deployment.dns.zone, ADDRESS_TTL_S, "NS", f"{server}.")
    for owner, ttl, kind, text in _records(deployment):
        _add(made, owner, ttl, kind, text)
    body = made.to_text(sorted=True, relativize=False, want_origin=True)
    head = f"; Zone of deployment “{deployment.name}”, rendered: change that, not this.\n"
    return head + body


def _soa(server: str, origin: str, serial: int) -> str:
    return f"{server}. hostmaster.{origin}. {serial} 3600 600 604800 {SRV_TTL_S}"


def _records(deployment: Deployment) -> Iterator[tuple[str, int, str, str]]:
    for edge in deployment.edges:
        host = host_of(deployment, edge)
        if host is not None:
            yield from _addresses(host, [edge])
    spoken = {peer.transport for peer in deployment.peers}
    for cluster in deployment.clusters:
        home = [edge for edge in deployment.edges if deployment.cluster_of(edge) == cluster]
        yield from _addresses(cluster, home)
        for way in _WAYS:
            if way.transport not in spoken:
                continue
            yield (
                cluster,
                NAPTR_TTL_S,
                "NAPTR",
                f'{way.order} 10 "s" "{way.service}" "" {way.label}.{cluster}.',
            )
            for edge in deployment.edges:
                host, place = host_of(deployment, edge), _listener(edge, way.transport)
                if host is None or place is None:
                    continue
                priority = OWN_REGION if edge in home else OTHER_REGION
                yield f"{way.label}.{cluster}", SRV_TTL_S, "SRV", f"{priority} {WEIGHT} {place.port} {host}."


def _listener(edge: Edge, transport: str) -> HostPort | None:
    return edge.sip_tls if transport == "tls" else edge.sip


def _addresses(owner: str, edges: Iterable[Edge]) -> Iterator[tuple[str, int, str, str]]:
    found: dict[Address, None] = {}
    for edge in edges:
        places = (edge.sip, edge.sip_tls, edge.sip6, edge.sip_tls6)
        found |= {place.address: None for place in places if place is not None}
    for address in found:
        yield owner, ADDRESS_TTL_S, "A" if address.version == 4 else "AAAA", str(address)


def _add(made: dns.zone.Zone, owner: str, ttl: int, kind: str, text: str) -> None:
    kind_ = dns.rdatatype.from_text(kind)
    data = dns.rdata.from_text(dns.rdataclass.IN, kind_, text)
    made.find_rdataset(dns.name.from_text(owner), kind_, create=True).add(data, ttl)
