"""One edge's firewall: nftables rules from the same peers, addresses and ports as everything else.

Nothing passes but what is named, in or out. SIP over UDP and RTP are matched by both ends and are not tracked: a packet
says all that is to be known about it, and a flood fills no table. What is TCP, or a question that this edge asked, is
tracked. Each rule counts under a name of its own, and so does what is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Network,
    IPv6Network,
    collapse_addresses,
    ip_address,
    ip_network,
)
from urllib.parse import urlsplit

from callseal.deployment import Deployment, Edge, Firewall, HostPort, Peer
from callseal.deployment.values import Address, Network

TABLE = "callseal"

LISTENERS = {"udp": ("udp", "sip"), "tcp": ("tcp", "sip"), "tls": ("tcp", "sip_tls")}
"""A peer's transport -> the protocol, and the key of `[[edges]]` that says where the edge listens for it."""

_HEAD = f"""\
# Loads whole or not at all, and again over itself: nft -f firewall.nft
# What is not named is dropped and counted, both ways: nft list counters table inet {TABLE}

table inet {TABLE}
delete table inet {TABLE}

"""


def ng_http(edge: Edge) -> HostPort:
    """Where rtpengine answers queries over HTTP (`--listen-http`): the ng address, one port up."""
    return HostPort(edge.ng.address, edge.ng.port + 1)


def firewall(deployment: Deployment, edge: Edge) -> str:
    """An nftables file for that edge: text for `nft -f`."""
    rules = _Rules(deployment, edge)
    arriving, leaving, untracked_in, untracked_out = rules.written()
    counters = "".join(f"\tcounter {name} {{ }}\n" for name in rules.counters)
    return (
        f"{_HEAD}table inet {TABLE} {{\n{counters}\n"
        "\t# Not tracked: RTP, and SIP over UDP.\n"
        f"{_chain('untracked_in', 'prerouting', 'raw', 'accept', untracked_in)}"
        f"{_chain('untracked_out', 'output', 'raw', 'accept', untracked_out)}"
        f"{_chain('arriving', 'input', 'filter', 'drop', arriving)}"
        f"{_chain('leaving', 'output', 'filter', 'drop', leaving)}"
        "\t# An edge is no router.\n"
        f"{_chain('passing', 'forward', 'filter', 'drop', [])}"
        "}\n"
    )


def _chain(name: str, hook: str, priority: str, policy: str, rules: Sequence[str]) -> str:
    body = "".join(f"\t\t{rule}\n" if rule else "\n" for rule in rules)
    return f"\tchain {name} {{\n\t\ttype filter hook {hook} priority {priority}; policy {policy};\n{body}\t}}\n\n"


@dataclass(frozen=True, slots=True)
class _Port:
    """A port, or a range of them, at one of our addresses."""

    protocol: str
    address: Address
    ports: str


class _Rules:
    """Collects the rules of the two directions side by side, so that nobody can come whom we cannot answer."""

    def __init__(self, deployment: Deployment, edge: Edge) -> None:
        self._deployment = deployment
        self._edge = edge
        self._others = [other for other in deployment.edges if other.id != edge.id]
        self._in: list[str] = []
        self._out: list[str] = []
        self._untracked_in: dict[str, None] = {}
        self._untracked_out: dict[str, None] = {}
        self.counters: list[str] = []

    def written(self) -> tuple[list[str], list[str], list[str], list[str]]:
        """arriving, leaving, untracked in, untracked out."""
        self._basics()
        for peer in self._deployment.peers:
            self._peer(peer)
        for other in self._others:
            self._other_edge(other)
        self._desk()
        self._services()
        for rules, name in ((self._in, "refused_in"), (self._out, "refused_out")):
            rules += ["", f"counter name {self._counter(name)}"]
        return self._in, self._out, list(self._untracked_in), list(self._untracked_out)

    def _basics(self) -> None:
        own = "# Kamailio, rtpengine and the edge agent among themselves."
        self._in += [own, 'iifname "lo" accept']
        self._out += [own, 'oifname "lo" accept']
        # Before the tracked states: an error about an untracked packet counts as invalid.
        errors = "destination-unreachable, time-exceeded, parameter-problem"
        self._in += [
            "# Path MTU, and peers that have gone.",
            f"icmp type {{ {errors} }} limit rate 200/second accept",
        ]
        self._out += ["# Goes to listed addresses only: nobody else's packet gets far enough to be answered."]
        self._out += [f"icmp type {{ {errors} }} accept"]
        if self._ipv6():
            neighbours = "nd-neighbor-solicit, nd-neighbor-advert"
            self._in += [
                f"icmpv6 type {{ packet-too-big, {errors} }} limit rate 200/second accept",
                f"icmpv6 type {{ {neighbours}, nd-router-advert }} accept",
            ]
            self._out += [
                f"icmpv6 type {{ packet-too-big, {errors}, {neighbours}, nd-router-solicit, mld2-listener-report }} accept"
            ]
        for rules in (self._in, self._out):
            rules += ["# What goes on between the two ends of a connection that was let in or out below."]
            rules += ["ct state established,related accept"]
        self._in += [f"ct state invalid counter name {self._counter('invalid_in')} drop"]

    def _peer(self, peer: Peer) -> None:
        protocol, key = LISTENERS[peer.transport]
        self._title(f"{_face(self._deployment, peer)} {peer.id}")
        for listener in (getattr(self._edge, key), getattr(self._edge, f"{key}6")):
            if listener is None or not _of_family(peer.signalling, listener.address.version):
                continue
            here = _Port(protocol, listener.address, str(listener.port))
            if protocol == "udp":
                self._untrack(here)
                self._both(f"sip.{peer.id}", here, peer.signalling)
            else:
                self._let_in(f"sip_in.{peer.id}", here, peer.signalling)
                # Their listeners are their affair (SRV, Contact): any port of these addresses.
                far = _of_family(peer.signalling, listener.address.version)
                self._let_out(f"sip_out.{peer.id}", protocol, "1-65535", far)
        for media in self._media():
            self._untrack(media)
            self._both(f"rtp.{peer.id}", media, peer.media)

    def _other_edge(self, other: Edge) -> None:
        """Any edge serves any dialog: it asks the rtpengine that has the call, and media may cross between two."""
        sip6 = None if other.sip6 is None else other.sip6.address
        media = _hosts(other.media, other.media6)
        addresses = (
            *_hosts(other.sip.address, sip6, other.ng.address, _literal(other.agent)),
            *media,
        )
        self._title(f"edge {other.id}: its Kamailio and agent use our rtpengine, ours use its")
        for here in self._media():
            self._both(f"rtp.{other.id}", here, media)
        ng, queries = self._edge.ng, ng_http(self._edge)
        self._let_in(f"ng_in.{other.id}", _Port("udp", ng.address, str(ng.port)), addresses)
        self._let_in(f"ng_in.{other.id}", _Port("tcp", queries.address, str(queries.port)), addresses)
        self._let_out(f"ng_out.{other.id}", "udp", str(other.ng.port), _hosts(other.ng.address))
        self._let_out(f"ng_out.{other.id}", "tcp", str(ng_http(other).port), _hosts(other.ng.address))

    def _desk(self) -> None:
        url = urlsplit(self._deployment.desk.url)
        desk = self._deployment.firewall.desk or _hosts(_literal(self._deployment.desk.url))
        self._title(f"desk at {self._deployment.desk.url}: hand-offs and events go to it, holds come from it")
        if not desk:
            for rules in (self._in, self._out):
                rules.append(
                    "# No rule: it has a name, and [firewall] does not say its addresses (key desk)."
                )
            return
        agent = self._agent()
        if agent is not None:
            self._let_in("desk_in", agent, desk)
        self._let_out("desk_out", "tcp", str(url.port or (443 if url.scheme == "https" else 80)), desk)

    def _services(self) -> None:
        services = self._deployment.firewall
        resolvers = _hosts(*self._deployment.dns.resolvers)
        if resolvers or services != Firewall() or self._deployment.router.hep:
            self._title("the machine's own needs")
        for protocol in ("udp", "tcp"):
            self._let_out("dns", protocol, "53", resolvers)
        self._let_out("ntp", "udp", "123", services.time_servers)
        hep = self._deployment.router.hep
        if hep is not None:
            self._let_out("hep", "udp", str(hep.port), _hosts(hep.address))
        if services.admin:
            ours = self._own()
            for address in sorted(ours, key=lambda one: (one.version, int(one))):
                self._let_in("admin", _Port("tcp", address, "22"), services.admin)
            for family, networks in _by_family(services.admin):
                ping = "icmp" if family == "ip" else "icmpv6"
                self._in.append(f"{family} saddr {_set(networks)} {ping} type echo-request accept")
        agent = self._agent()
        if agent is not None:
            self._let_in("monitoring", agent, services.monitoring)
        if services.dhcp:
            self._in.append("udp sport 67 udp dport 68 accept")
            self._out.append("udp sport 68 udp dport 67 accept")

    # Rules.

    def _title(self, text: str) -> None:
        self._in += ["", f"# {text}"]
        self._out += ["", f"# {text}"]

    def _both(self, name: str, here: _Port, networks: Iterable[Network]) -> None:
        """Datagrams between our port and these networks, without tracking."""
        kind, _, peer = name.partition(".")
        far = _of_family(networks, here.address.version)
        if not far:
            return
        family = _family(here.address.version)
        self._in.append(
            f"{family} saddr {_set(far)} {family} daddr {here.address} {here.protocol} dport {here.ports} "
            f"counter name {self._counter(f'{kind}_in.{peer}')} accept"
        )
        self._out.append(
            f"{family} saddr {here.address} {here.protocol} sport {here.ports} {family} daddr {_set(far)} "
            f"counter name {self._counter(f'{kind}_out.{peer}')} accept"
        )

    def _let_in(self, name: str, here: _Port, networks: Iterable[Network]) -> None:
        """They open, our answers are of the same connection."""
        far = _of_family(networks, here.address.version)
        family = _family(here.address.version)
        if far:
            self._in.append(
                f"{family} saddr {_set(far)} {family} daddr {here.address} {here.protocol} dport {here.ports} "
                f"ct state new counter name {self._counter(name)} accept"
            )

    def _let_out(self, name: str, protocol: str, ports: str, networks: Iterable[Network]) -> None:
        """We open, their answers are of the same connection."""
        for family, far in _by_family(networks):
            self._out.append(
                f"{family} daddr {_set(far)} {protocol} dport {ports} "
                f"ct state new counter name {self._counter(name)} accept"
            )

    def _untrack(self, here: _Port) -> None:
        family = _family(here.address.version)
        self._untracked_in[f"{family} daddr {here.address} {here.protocol} dport {here.ports} notrack"] = None
        self._untracked_out[f"{family} saddr {here.address} {here.protocol} sport {here.ports} notrack"] = (
            None
        )

    def _counter(self, name: str) -> str:
        if name not in self.counters:
            self.counters.append(name)
        return f'"{name}"'

    # Our own ports.

    def _media(self) -> list[_Port]:
        ports = self._edge.media_ports
        ours = (one for one in (self._edge.media, self._edge.media6) if one is not None)
        return [_Port("udp", address, f"{ports.first}-{ports.last}") for address in ours]

    def _agent(self) -> _Port | None:
        address = _literal(self._edge.agent)
        return None if address is None else _Port("tcp", address, str(urlsplit(self._edge.agent).port or 80))

    def _ipv6(self) -> bool:
        return 6 in {address.version for address in self._own()}

    def _own(self) -> set[Address]:
        listeners = (self._edge.sip, self._edge.sip6, self._edge.sip_tls6, self._edge.ng)
        media = (self._edge.media, self._edge.media6)
        return {one.address for one in listeners if one is not None} | {
            one for one in media if one is not None
        }


def _face(deployment: Deployment, peer: Peer) -> str:
    if peer is deployment.partner:
        return "partner"
    return "platform" if peer is deployment.platform else "carrier"


def _literal(url: str) -> Address | None:
    try:
        return ip_address(urlsplit(url).hostname or "")
    except ValueError:
        return None


def _hosts(*addresses: Address | None) -> tuple[Network, ...]:
    return tuple(ip_network(address) for address in dict.fromkeys(addresses) if address is not None)


def _family(version: int) -> str:
    return "ip" if version == 4 else "ip6"


def _of_family(networks: Iterable[Network], version: int) -> list[Network]:
    """Of one family and without overlaps, which nftables refuses in a set."""
    if version == 4:
        return list(collapse_addresses(one for one in networks if isinstance(one, IPv4Network)))
    return list(collapse_addresses(one for one in networks if isinstance(one, IPv6Network)))


def _by_family(networks: Iterable[Network]) -> Iterator[tuple[str, list[Network]]]:
    networks = tuple(networks)
    for version in (4, 6):
        far = _of_family(networks, version)
        if far:
            yield _family(version), far


def _set(networks: Sequence[Network]) -> str:
    """One network as it is, several in braces; a single address without its mask."""
    words = [str(one.network_address) if one.num_addresses == 1 else str(one) for one in networks]
    return words[0] if len(words) == 1 else f"{{ {', '.join(words)} }}"
