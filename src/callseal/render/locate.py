"""Where a SIP name leads (RFC 3263 section 4): what a peer finds who looks for us, or we who look for a peer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import dns.exception
import dns.name
import dns.resolver

ADDRESSES = ("A", "AAAA")
_SERVICES = {"SIPS+D2T": "tls", "SIP+D2T": "tcp", "SIP+D2U": "udp"}
_LABELS = {"tls": "_sips._tcp", "tcp": "_sip._tcp", "udp": "_sip._udp"}
_DEFAULT_PORTS = {"tls": 5061, "tcp": 5060, "udp": 5060}
_NOTHING = (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN)


@dataclass(frozen=True, slots=True)
class Place:
    """One place to try."""

    transport: str
    host: str
    port: int
    address: str


def locate(
    name: str,
    resolver: dns.resolver.Resolver,
    *,
    transports: Sequence[str] = ("tls", "tcp", "udp"),
    kinds: Sequence[str] = ADDRESSES,
) -> list[Place]:
    """Every place behind `name` in the order to try: NAPTR by order and preference, SRV by priority, then addresses.

    `transports` are those the asker speaks, best first. Within one priority the heavier comes first (RFC 2782 wants a
    weighted draw; a list for people wants to be the same every time). `kinds` of address the asker looks for. Raises
    `dns.exception.DNSException` when no server answers.
    """
    found = []
    for transport, service in _services(name, resolver, transports):
        found += list(_servers(transport, service, resolver, kinds))
    if found:
        return found
    transport = transports[0]
    return [
        Place(transport, name, _DEFAULT_PORTS[transport], address)
        for address in _addresses(name, resolver, kinds)
    ]


def located_at(host: str, resolver: dns.resolver.Resolver, *, kinds: Sequence[str] = ADDRESSES) -> list[str]:
    """Addresses of a name that comes with a port: A and AAAA only. Raises as `locate`."""
    return list(_addresses(host, resolver, kinds))


def _services(
    name: str, resolver: dns.resolver.Resolver, transports: Sequence[str]
) -> Iterator[tuple[str, str]]:
    try:
        records = list(resolver.resolve(name, "NAPTR"))
    except _NOTHING:
        yield from ((transport, f"{_LABELS[transport]}.{name}") for transport in transports)
        return
    for one in sorted(records, key=lambda record: (record.order, record.preference)):
        transport = _SERVICES.get(one.service.decode().upper(), "")
        if one.flags.decode().lower() == "s" and transport in transports:
            yield transport, one.replacement.to_text(omit_final_dot=True)


def _servers(
    transport: str, service: str, resolver: dns.resolver.Resolver, kinds: Sequence[str]
) -> Iterator[Place]:
    try:
        records = list(resolver.resolve(service, "SRV"))
    except _NOTHING:
        return
    for one in sorted(records, key=lambda record: (record.priority, -record.weight, record.target.to_text())):
        if one.target == dns.name.root:  # RFC 2782: decidedly not here
            continue
        host = one.target.to_text(omit_final_dot=True)
        for address in _addresses(host, resolver, kinds):
            yield Place(transport, host, one.port, address)


def _addresses(host: str, resolver: dns.resolver.Resolver, kinds: Sequence[str]) -> Iterator[str]:
    for kind in kinds:
        try:
            yield from sorted(record.to_text() for record in resolver.resolve(host, kind))
        except _NOTHING:
            continue
