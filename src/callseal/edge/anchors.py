"""What a `query` reply says: who the parties of an anchor are, where their media goes, how much of it.

Read from rtpengine 26.0.1.26 and 12.5.1.31 (daemon/call_interfaces.c, `ng_call_stats` and below); both give the same
keys for everything used here. Three facts that the evidence rests on were measured on both:

- `stats` counts packets that were accepted *from* the party: with strict-source, a packet from another address is not
  in it; `stats_out` counts packets that were sent *to* the party's endpoint;
- while a party is blocked its `stats` still grow, the other party's `stats_out` does not;
- the blocks themselves are not in the reply.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal, TypeAlias

from callseal.edge.settings import MediaNetworks, Network
from callseal.wire.ng import NgReply

Leg: TypeAlias = Literal["customer", "agent"]
Place: TypeAlias = Literal["partner", "home", "platform", "unknown"]

OUTSIDE: dict[Leg, str] = {"customer": "carrier", "agent": "platform"}
"""The label of the party that is not the partner, per leg."""


def ng_call_id(call_id: str, leg: Leg) -> str:
    """rtpengine's name of a leg: some partners keep one Call-ID on both."""
    return f"{call_id}.{leg}"


@dataclass(frozen=True, slots=True)
class Party:
    """One side of an anchor. `endpoints`: where its audio is sent, one per audio stream. Counters are cumulative."""

    label: str
    tag: str
    endpoints: tuple[tuple[str, int], ...]
    received: int
    sent: int


@dataclass(frozen=True, slots=True)
class Anchor:
    """One rtpengine call."""

    parties: tuple[Party, ...]

    def labelled(self, label: str) -> tuple[Party, ...]:
        """All parties with that label: a forked call has several."""
        return tuple(party for party in self.parties if party.label == label)

    def received_from(self, label: str) -> int:
        return sum(party.received for party in self.labelled(label))

    def sent_to(self, label: str) -> int:
        return sum(party.sent for party in self.labelled(label))

    def partner_place(self, networks: MediaNetworks) -> Place:
        """Where the partner's side of this anchor points. Streams that disagree, or none: unknown."""
        places = {
            place_of(address, networks)
            for party in self.labelled("partner")
            for address, port in party.endpoints
            if port
        }
        return places.pop() if len(places) == 1 else "unknown"


def place_of(address: str, networks: MediaNetworks) -> Place:
    """The place whose network matches longest; two places with the same prefix: unknown."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    named: tuple[tuple[Place, tuple[Network, ...]], ...] = (
        ("partner", networks.partner),
        ("home", networks.home),
        ("platform", networks.platform),
    )
    best: Place = "unknown"
    longest = -1
    for place, members in named:
        for network in members:
            if parsed not in network:
                continue
            prefix = network.prefixlen
            if prefix > longest:
                best, longest = place, prefix
            elif prefix == longest and place != best:
                best = "unknown"
    return best


def read_anchor(reply: NgReply) -> Anchor:
    """Parse a `query` reply. What is missing or of another type counts as not there: evidence is never invented."""
    tags = _dictionary(_dictionary(reply).get("tags"))
    return Anchor(tuple(_read_party(tag, _dictionary(entry)) for tag, entry in tags.items()))


def _read_party(tag: str, entry: dict[str, NgReply]) -> Party:
    endpoints: list[tuple[str, int]] = []
    received = sent = 0
    for stream in _audio_streams(entry):
        endpoint = _dictionary(stream.get("endpoint"))
        endpoints.append((_text(endpoint.get("address")), _number(endpoint.get("port"))))
        received += _number(_dictionary(stream.get("stats")).get("packets"))
        sent += _number(_dictionary(stream.get("stats_out")).get("packets"))
    return Party(
        label=_text(entry.get("label")), tag=tag, endpoints=tuple(endpoints), received=received, sent=sent
    )


def _audio_streams(entry: dict[str, NgReply]) -> Iterator[dict[str, NgReply]]:
    for media in map(_dictionary, _items(entry.get("medias"))):
        if media.get("type") != "audio":
            continue
        for stream in map(_dictionary, _items(media.get("streams"))):
            if "RTP" in _items(stream.get("flags")):
                yield stream


def _dictionary(value: NgReply | None) -> dict[str, NgReply]:
    return value if isinstance(value, dict) else {}


def _items(value: NgReply | None) -> list[NgReply]:
    return value if isinstance(value, list) else []


def _text(value: NgReply | None) -> str:
    return value if isinstance(value, str) else ""


def _number(value: NgReply | None) -> int:
    return value if isinstance(value, int) else 0
