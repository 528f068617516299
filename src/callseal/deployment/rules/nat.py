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
            elif card.is_unspecified or card.is_multicast:
                yield Finding("CS110", path, f"{card} is no address of one card")
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
    for edge in raw.each("edges"):
        pairs: dict[Address, tuple[str, Address]] = {}
        cards: dict[Address, tuple[str, Address]] = {}
        for bind, keys in _SHOWN.items():
            for key in keys:
                public = _address(edge, key)
                if public is None:
                    continue
                card = _address(edge, bind) or public
                for seen, mine, other in ((pairs, public, card), (cards, card, public)):
                    before, theirs = seen.setdefault(mine, (key, other))
                    if theirs != other:
                        yield Finding("CS111", (*edge.path, key), _told(edge, key, before, mine, theirs, other))
        for other_edge in raw.each("edges"):
            if other_edge.path == edge.path:
                continue
            for key in _PUBLIC:
                public = _address(other_edge, key)
                mine = pairs.get(public) if public is not None else None
                if mine is not None and mine[1] != public:
                    place = dotted((*edge.path, mine[0]))
                    yield Finding("CS111", (*other_edge.path, key), f"{public} is mapped to {place} alone")


def _told(edge: Raw, key: str, before: str, shared: Address, theirs: Address, other: Address) -> str:
    return (
        f"{dotted((*edge.path, before))} and {key} share {shared}, and have {theirs} and {other} on the other side"
    )


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
                        "CS034", (*edge.path, key), f"{card} is {bind}: what reaches the public address reaches it"
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
    if key == "agent":
        return edge.read(key, lambda url: ip_address(urlsplit(url).hostname or ""))
    if key.startswith(("media", "bind")):
        return edge.read(key, ip_address)
    listener = edge.read(key, HostPort.parse)
    return None if listener is None else listener.address


NAT_RULES: tuple[Rule, ...] = (cards, one_to_one, mapped_from_outside)
