"""Rules about an edge behind one-to-one NAT: `bind_sip` and `bind_media` are its own card's, the public addresses are nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from callseal.deployment.rules.raw import Finding, Raw, Rule, dotted, peers
from callseal.deployment.values import Address, HostPort

_SHOWN: Final = {"bind_sip": ("sip", "sip_tls"), "bind_media": ("media",)}
"""What is bound, and the keys of what peers see instead."""
_PUBLIC: Final = ("sip", "sip_tls", "sip6", "sip_tls6", "media", "media6")


def cards(raw: Raw) -> Iterator[Finding]:
    """What is bound can be the address of a card, and is not what any edge shows."""
    shown = [((*edge.path, key), _address(edge, key)) for edge in raw.each("edges") for key in _PUBLIC]
    for edge in raw.each("edges"):
        for key, (first, *_) in _SHOWN.items():
            card, public = _address(edge, key), _address(edge, first)
            if card is None or public is None:
                continue
            path = (*edge.path, key)
            if card.version != 4 or public.version != 4:
                yield Finding("CS110", path, f"{card} for {public}: only IPv4 is mapped to other addresses")
            elif card.is_loopback and not public.is_loopback:
                yield Finding("CS110", path, f"{card} is loopback: nothing comes to it from outside")
            elif card.is_global and not public.is_global:
                yield Finding(
                    "CS110", path, f"{card} is public and {dotted((*edge.path, first))}, {public}, is not"
                )
            else:
                place = next((place for place, address in shown if address == card), None)
                if place is not None:
                    yield Finding("CS110", path, f"{card} is what {dotted(place)} shows to peers")


def one_to_one(raw: Raw) -> Iterator[Finding]:
    """Within an edge each public address has one card's and the other way round; no other edge shows a mapped one.

    Two edges may have the same card addresses: their networks need not know each other.
    """
    edges = [(edge, list(_pairs(edge))) for edge in raw.each("edges")]
    for edge, pairs in edges:
        for place, (key, public, card) in enumerate(pairs):
            for before, other_public, other_card in pairs[:place]:
                if (public == other_public) != (card == other_card):
                    told = f"{public} ({card}) here and {other_public} ({other_card}) in {before}"
                    yield Finding("CS111", (*edge.path, key), f"{told} share one side of their mapping only")
        mapped = {public: key for key, public, card in pairs if public != card}
        for other, _ in edges:
            for key in _PUBLIC:
                address = _address(other, key)
                if other.path != edge.path and address is not None and address in mapped:
                    owner = dotted((*edge.path, mapped[address]))
                    yield Finding("CS111", (*other.path, key), f"{address} is mapped to {owner} alone")


def _pairs(edge: Raw) -> Iterator[tuple[str, Address, Address]]:
    """(key, what peers see, what is bound) of each key that can be mapped."""
    for bind, keys in _SHOWN.items():
        for key in keys:
            public = _address(edge, key)
            if public is not None:
                yield key, public, _address(edge, bind) or public


def mapped_from_outside(raw: Raw) -> Iterator[Finding]:
    """A mapped card address is as public as what it is mapped to: no control on it. And it is no peer's."""
    for edge in raw.each("edges"):
        for bind in _SHOWN:
            card = _address(edge, bind)
            if card is None:
                continue
            for key in ("ng", "events", "agent"):
                if _address(edge, key) == card:
                    yield Finding(
                        "CS034",
                        (*edge.path, key),
                        f"{card} is {bind}: what reaches the public address reaches it",
                    )
            for _, peer in peers(raw):
                for listed in ("signalling", "media"):
                    for path, network in peer.networks(listed):
                        if card in network:
                            yield Finding(
                                "CS031", path, f"{network} holds {dotted((*edge.path, bind))}, {card}"
                            )


def _address(edge: Raw, key: str) -> Address | None:
    """The address in that key: alone, with a port, or in a URL."""
    found: Address | HostPort | None
    if key == "agent":
        found = edge.read(key, lambda url: ip_address(urlsplit(url).hostname or ""))
    else:
        found = edge.read(key, ip_address if key.startswith(("media", "bind")) else HostPort.parse)
    return found.address if isinstance(found, HostPort) else found


NAT_RULES: tuple[Rule, ...] = (cards, one_to_one, mapped_from_outside)
