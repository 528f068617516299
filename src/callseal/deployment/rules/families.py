"""Rules about IPv4 and IPv6: an edge has both where its peers differ, and every peer can be reached in its own."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final

from callseal.deployment.rules.raw import Finding, Raw, Rule, dotted, peers, sip_uri
from callseal.deployment.values import HostPort

_FIRST: Final = {"sip6": "sip", "sip_tls6": "sip_tls", "media6": "media"}
"""The keys of an edge's second family, and that of its first."""


def second_family(raw: Raw) -> Iterator[Finding]:
    """The first address is IPv4 and the second IPv6: then both are there, and no more than both."""
    for edge in raw.each("edges"):
        for second, first in _FIRST.items():
            if second not in edge.table:
                continue
            families = _versions(edge, first), _versions(edge, second)
            if families[1] == {4}:
                yield Finding("CS100", (*edge.path, second), f"{edge.text(second)} is not IPv6")
            elif families[0] != {4}:
                yield Finding(
                    "CS100", (*edge.path, second), f"{dotted((*edge.path, first))} is no IPv4 address"
                )


def reachable(raw: Raw) -> Iterator[Finding]:
    """Every edge has the family of every peer, for SIP and for media."""
    for edge in raw.each("edges"):
        media = _versions(edge, "media") | _versions(edge, "media6")
        for _, peer in peers(raw):
            key = "sip_tls" if peer.text("transport", "udp") == "tls" else "sip"
            sip = _versions(edge, key) | _versions(edge, f"{key}6")
            for name, ours, listed in (("signalling", sip, key), ("media", media, "media")):
                theirs = {network.version for _, network in peer.networks(name)}
                if ours and theirs and not ours & theirs:
                    yield Finding(
                        "CS101",
                        (*peer.path, name),
                        f"all of it is IPv{min(theirs)}, and {dotted(edge.path)} has no {listed}"
                        f"{'6' if theirs == {6} else ' of that family'}",
                    )
            for path, text in peer.texts("destinations"):
                uri = sip_uri(text)
                if uri is None or uri.address is None or not sip or uri.address.version in sip:
                    continue
                if {network.version for _, network in peer.networks("signalling")} & sip:
                    yield Finding(
                        "CS101",
                        path,
                        f"{uri.address} is IPv{uri.address.version}, and {dotted(edge.path)} has no {key}"
                        f"{'6' if uri.address.version == 6 else ' of that family'}",
                    )


def one_anchor_one_family(raw: Raw) -> Iterator[Finding]:
    """With one anchor partner and platform are shown each other's SDP as it is."""
    if raw.inner("platform").text("anchors") != "one":
        return
    partner, platform = (
        {net.version for _, net in raw.inner(face).networks("media")} for face in ("partner", "platform")
    )
    if partner and platform and partner != platform:
        yield Finding(
            "CS035",
            ("platform", "anchors"),
            "partner and platform have media in different address families",
        )


def _versions(edge: Raw, key: str) -> set[int]:
    if key.startswith("media"):
        address = edge.read(key, ip_address)
        return set() if address is None else {address.version}
    listener = edge.read(key, HostPort.parse)
    return set() if listener is None else {listener.address.version}


FAMILY_RULES: tuple[Rule, ...] = (second_family, reachable, one_anchor_one_family)
