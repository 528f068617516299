"""Rules about SIP transports, certificate names, regions and the zone."""

from __future__ import annotations

from collections.abc import Iterator

from callseal.deployment.lines import Path
from callseal.deployment.rules.raw import Finding, Raw, Rule, dotted, peers, sip_uri
from callseal.deployment.values import Network


def speakable(raw: Raw) -> Iterator[Finding]:
    """Every transport has what it needs, and every destination asks for its peer's."""
    for _, peer in peers(raw):
        transport = peer.text("transport", "udp")
        place = (*peer.path, "transport")
        if transport == "tls":
            if "tls" not in raw.table:
                yield Finding("CS012", place, "SIP over TLS, and there is no [tls] table")
            for edge in raw.each("edges"):
                if "tls" in raw.table and "sip_tls" not in edge.table:
                    yield Finding("CS012", place, f"SIP over TLS, and {dotted(edge.path)} has no sip_tls")
        for path, text in peer.texts("destinations"):
            uri = sip_uri(text)
            if uri is not None and uri.transport not in (None, transport):
                yield Finding(
                    "CS012", path, f"“{text}” asks for {uri.transport}, {dotted(place)} is {transport}"
                )


def proven(raw: Raw) -> Iterator[Finding]:
    """The partner is who its certificate says; a name asked for can be shown."""
    for face, peer in peers(raw):
        tls = peer.text("transport", "udp") == "tls"
        if peer.table.get("tls_name") and not tls:
            yield Finding(
                "CS062", (*peer.path, "tls_name"), "a certificate name, and the transport is not tls"
            )
        if face == "partner" and tls and not peer.table.get("tls_name"):
            yield Finding(
                "CS061", (*peer.path, "transport"), "the partner speaks TLS and tls_name is missing"
            )


def apart(raw: Raw) -> Iterator[Finding]:
    """Nobody but the partner has a certificate with which its servers could be played."""
    partner = raw.inner("partner")
    if (
        partner.text("transport", "udp") != "tls"
        or not partner.table.get("tls_name")
        or "tls" not in raw.table
    ):
        return
    others = [
        face for face, peer in peers(raw) if face != "partner" and peer.text("transport", "udp") == "tls"
    ]
    if others:
        yield Finding(
            "CS103", ("tls", "ca"), f"ca certifies the {' and the '.join(dict.fromkeys(others))} too"
        )


def one_rule_an_address(raw: Raw) -> Iterator[Finding]:
    """Two carriers may share a session border controller, but then one rule must hold for it."""
    seen: list[tuple[Path, Network, object]] = []
    for carrier in raw.each("carriers"):
        rule = (carrier.text("transport", "udp"), carrier.table.get("tls_name") or [])
        for path, network in carrier.networks("signalling"):
            for other_path, other, other_rule in seen:
                same = network.version == other.version and network.overlaps(other)
                if same and rule != other_rule:
                    yield Finding("CS063", path, f"{network} is also in {dotted(other_path)}")
            seen.append((path, network, rule))


def regions(raw: Raw) -> Iterator[Finding]:
    """Edges belong to listed regions, and a cluster's name is nobody's own."""
    known: set[str | None] = set()
    for region in raw.each("regions"):
        if region.text("id") in known:
            yield Finding("CS065", (*region.path, "id"), f"region “{region.text('id')}” is listed twice")
        known.add(region.text("id"))
    hosts = {(edge.text("host") or "").lower() for edge in raw.each("edges")} - {""}
    for region in raw.each("regions"):
        if (region.text("cluster") or "").lower() in hosts:
            yield Finding("CS066", (*region.path, "cluster"), f"“{region.text('cluster')}” is an edge's host")
    for edge in raw.each("edges"):
        if known and edge.text("region") not in known:
            yield Finding("CS065", (*edge.path, "region"), f"there is no region “{edge.text('region')}”")


def zone(raw: Raw) -> Iterator[Finding]:
    """One zone holds every name of ours."""
    dns = raw.inner("dns")
    origin = (dns.text("zone") or "").lower()
    if not origin:
        return
    if not dns.table.get("name_servers"):
        yield Finding("CS067", (*dns.path, "zone"), f"“{origin}” has no name_servers")
    for path, server in dns.texts("name_servers"):
        name = server.lower()
        if _inside(name, origin) and name not in _with_address(raw):
            yield Finding("CS068", path, f"“{name}” is in {origin}")
    for table, key in (("regions", "cluster"), ("edges", "host")):
        for one in raw.each(table):
            name = (one.text(key) or "").lower()
            if name and not _inside(name, origin):
                yield Finding("CS067", (*one.path, key), f"“{name}” is not in {origin}")


def _inside(name: str, origin: str) -> bool:
    return name == origin or name.endswith(f".{origin}")


def _with_address(raw: Raw) -> set[str]:
    """The names for which the rendered zone has addresses (`callseal.render.zone`)."""
    clusters = {one.text("id"): (one.text("cluster") or "").lower() for one in raw.each("regions")}
    named = set(clusters.values())
    for edge in raw.each("edges"):
        cluster = clusters.get(edge.text("region"), "")
        named.add((edge.text("host") or (f"{edge.text('id')}.{cluster}" if cluster else "")).lower())
    return named - {""}


TRANSPORT_RULES: tuple[Rule, ...] = (speakable, proven, apart, one_rule_an_address, regions, zone)
