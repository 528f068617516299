"""Rules about addresses: they tell who speaks, so they belong to one face each, and control is private."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from callseal.deployment.lines import Path
from callseal.deployment.rules.raw import Finding, Raw, Rule, dotted, partners, peers, repeated, sip_uri
from callseal.deployment.values import Address, HostPort, Network, PortRange

PRIVATE_NAMES = (".internal", ".local", ".localhost", ".test", ".home.arpa")
"""Names that public DNS never answers (RFC 6761, RFC 6762, RFC 8375, ICANN's .internal)."""


def faces_apart(raw: Raw) -> Iterator[Finding]:
    """An address tells who speaks: it may belong to one face only, and never be our own."""
    for key in ("signalling", "media"):
        seen: list[tuple[str, Path, Network]] = []
        for face, peer in peers(raw):
            for path, network in peer.networks(key):
                for other_face, other_path, other in seen:
                    if face != other_face and network.version == other.version and network.overlaps(other):
                        yield Finding("CS030", path, f"{network} overlaps {other} of {dotted(other_path)}")
                seen.append((face, path, network))
    own = [(edge, key, address) for edge in raw.each("edges") for key, address in _own_addresses(edge)]
    for _, peer in peers(raw):
        for list_key in ("signalling", "media"):
            for path, network in peer.networks(list_key):
                for edge, key, address in own:
                    if address in network:
                        yield Finding(
                            "CS031", path, f"{network} holds {dotted((*edge.path, key))}, {address}"
                        )


def _own_addresses(edge: Raw) -> Iterator[tuple[str, Address]]:
    """Each address once, with the first key that has it."""
    found: dict[Address, str] = {}
    for key in ("sip", "sip_tls", "sip6", "sip_tls6"):
        listener = edge.read(key, HostPort.parse)
        if listener is not None:
            found.setdefault(listener.address, key)
    for key in ("media", "media6"):
        address = edge.read(key, ip_address)
        if address is not None:
            found.setdefault(address, key)
    yield from ((key, address) for address, key in found.items())


def partners_apart(raw: Raw) -> Iterator[Finding]:
    """An address tells which partner speaks, and all of them are spoken to alike."""
    seen: list[tuple[Path, Network]] = []
    for number, partner in enumerate(partners(raw)):
        listed = list(partner.networks("signalling"))
        for path, network in listed:
            for other_path, other in seen:
                if network.version == other.version and network.overlaps(other):
                    yield Finding("CS104", path, f"{network} overlaps {other} of {dotted(other_path)}")
        seen += listed
        for key in ("signalling", "media"):
            versions = {network.version for _, network in partner.networks(key)}
            own = {network.version for _, network in raw.inner("partner").networks(key)}
            if number and versions and own and versions != own:
                yield Finding(
                    "CS104", (*partner.path, key), f"{key} is not of the partner's address families"
                )


def destinations(raw: Raw) -> Iterator[Finding]:
    for _, peer in peers(raw):
        listed = [network for _, network in peer.networks("signalling")]
        for path, text in peer.texts("destinations"):
            uri = sip_uri(text)
            if uri is None:
                continue
            # Names are resolved at run time, and an address list with faults of its own says nothing.
            if listed and uri.address is not None and not any(uri.address in network for network in listed):
                yield Finding("CS032", path, f"{uri.address} is not in {dotted((*peer.path, 'signalling'))}")


def listeners(raw: Raw) -> Iterator[Finding]:
    """Every listener of every edge, then their media ports."""
    places = [
        ((*edge.path, key), edge.read(key, HostPort.parse))
        for edge in raw.each("edges")
        for key in ("sip", "sip_tls", "sip6", "sip_tls6", "ng", "events")
    ]
    agents = [((*edge.path, "agent"), edge.text("agent")) for edge in raw.each("edges")]
    yield from repeated("CS025", "address", iter(places))
    yield from repeated("CS025", "URL", iter(agents))
    media: list[tuple[Path, Address, PortRange]] = []
    bound = [(edge, edge.read(key, ip_address)) for edge in raw.each("edges") for key in ("media", "media6")]
    for edge, address in bound:
        ports = edge.read("media_ports", PortRange.parse)
        if address is None or ports is None:
            continue
        path = (*edge.path, "media_ports")
        for other_path, other_address, other in media:
            if address == other_address and ports.first <= other.last and other.first <= ports.last:
                yield Finding("CS025", path, f"{address} {ports} overlaps {dotted(other_path)}, {other}")
        media.append((path, address, ports))
        for place, listener in places:
            if listener is not None and listener.address == address and listener.port in ports:
                yield Finding(
                    "CS033", path, f"{ports} on {address} holds {dotted(place)}, port {listener.port}"
                )


def control_is_private(raw: Raw) -> Iterator[Finding]:
    for edge in raw.each("edges"):
        for key in ("ng", "events"):
            listener = edge.read(key, HostPort.parse)
            if listener is not None and (listener.address.is_global or listener.address.is_unspecified):
                yield Finding("CS034", (*edge.path, key), f"{listener} can be reached by anyone")
        address = _host_address(edge.text("agent"))
        if address is not None and (address.is_global or address.is_unspecified):
            yield Finding("CS034", (*edge.path, "agent"), f"{address} can be reached by anyone")
    for table, key in (
        *((partner, "api") for partner in partners(raw)),
        (raw.inner("platform"), "api"),
        (raw.inner("desk"), "url"),
    ):
        url = table.text(key)
        if url is None or not url.startswith("http://"):
            continue
        address, host = _host_address(url), _host(url)
        private = (
            host.endswith(PRIVATE_NAMES) or "." not in host if address is None else not address.is_global
        )
        if not private:
            yield Finding(
                "CS047", (*table.path, key), f"{key} is plain http:// to {host}, which need not be private"
            )


def _host_address(url: str | None) -> Address | None:
    try:
        return ip_address(_host(url))
    except ValueError:
        return None


def _host(url: str | None) -> str:
    try:
        return urlsplit(url or "").hostname or ""
    except ValueError:
        return ""


ADDRESS_RULES: tuple[Rule, ...] = (faces_apart, partners_apart, destinations, listeners, control_is_private)
