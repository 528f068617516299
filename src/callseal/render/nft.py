"""One host's firewall as nftables text: rules of both directions side by side, each counted under a name of its own.

Nothing passes but what is named, in or out, and what answers it. What loads it, and onto which host, is not known here.
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

from callseal.deployment import Deployment, Firewall
from callseal.deployment.values import Address, Network

_HEAD = """\
# Loads whole or not at all, and again over itself: nft -f firewall.nft
# What is not named is dropped and counted, both ways: nft list counters table inet {table}

table inet {table}
delete table inet {table}

"""


@dataclass(frozen=True, slots=True)
class Port:
    """A port, or a range of them, at one of our addresses."""

    protocol: str
    address: Address
    ports: str


class Rules:
    """Collects the rules of the two directions side by side, so that nobody can come whom we cannot answer."""

    def __init__(self) -> None:
        self._in: list[str] = []
        self._out: list[str] = []
        self._untracked_in: dict[str, None] = {}
        self._untracked_out: dict[str, None] = {}
        self.counters: list[str] = []

    def text(self, table: str, untracked: str, router: str, more: str = "") -> str:
        """The file, with what is refused counted at the end of both directions. `untracked` and `router` are comments, `more` chains."""
        for rules, name in ((self._in, "refused_in"), (self._out, "refused_out")):
            rules += ["", f"counter name {self._counter(name)}"]
        counters = "".join(f"\tcounter {name} {{ }}\n" for name in self.counters)
        raw = ""
        if self._untracked_in:
            raw = (
                f"\t# {untracked}\n"
                f"{_chain('untracked_in', 'prerouting', 'raw', 'accept', list(self._untracked_in))}"
                f"{_chain('untracked_out', 'output', 'raw', 'accept', list(self._untracked_out))}"
            )
        return (
            f"{_HEAD.format(table=table)}table inet {table} {{\n{counters}\n{raw}"
            f"{_chain('arriving', 'input', 'filter', 'drop', self._in)}"
            f"{_chain('leaving', 'output', 'filter', 'drop', self._out)}"
            f"{more}\t# {router}\n"
            f"{_chain('passing', 'forward', 'filter', 'drop', [])}"
            "}\n"
        )

    def _basics(self, own: str, *, ipv6: bool) -> None:
        self._in += [f"# {own}", 'iifname "lo" accept']
        self._out += [f"# {own}", 'oifname "lo" accept']
        # Before the tracked states: an error about an untracked packet counts as invalid.
        errors = "destination-unreachable, time-exceeded, parameter-problem"
        self._in += [
            "# Path MTU, and peers that have gone.",
            f"icmp type {{ {errors} }} limit rate 200/second accept",
        ]
        self._out += ["# Goes to listed addresses only: nobody else's packet gets far enough to be answered."]
        self._out += [f"icmp type {{ {errors} }} accept"]
        if ipv6:
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

    def _machine(self, deployment: Deployment, own: Iterable[Address], *, more: bool = False) -> None:
        """What any host needs: names, time, its administrators, its lease. `more`: there is something to add under the title."""
        services = deployment.firewall
        resolvers = hosts(*deployment.dns.resolvers)
        if resolvers or services != Firewall() or more:
            self._title("the machine's own needs")
        for protocol in ("udp", "tcp"):
            self._let_out("dns", protocol, "53", resolvers)
        if resolvers and all(address.is_loopback for address in deployment.dns.resolvers):
            # It asks the world itself, which the policy of this chain forbids: no peer with a name would be found any more.
            self._out.append(
                "# No rule: the resolver on this host may ask nobody; list whom it asks as well ([dns] resolvers)."
            )
        self._let_out("ntp", "udp", "123", services.time_servers)
        if services.admin:
            addresses = sorted(own, key=lambda one: (one.version, int(one)))
            for address in addresses:
                self._let_in("admin", Port("tcp", address, "22"), services.admin)
            if not addresses:
                self._admit("admin", "tcp", "22", services.admin)
            for family, networks in by_family(services.admin):
                ping = "icmp" if family == "ip" else "icmpv6"
                self._in.append(f"{family} saddr {set_of(networks)} {ping} type echo-request accept")
        if services.dhcp:
            self._in.append("udp sport 67 udp dport 68 accept")
            self._out.append("udp sport 68 udp dport 67 accept")

    def _title(self, text: str) -> None:
        self._in += ["", f"# {text}"]
        self._out += ["", f"# {text}"]

    def _both(self, name: str, here: Port, networks: Iterable[Network]) -> None:
        """Datagrams between our port and these networks, without tracking."""
        kind, _, peer = name.partition(".")
        far = of_family(networks, here.address.version)
        if not far:
            return
        family = _family(here.address.version)
        self._in.append(
            f"{family} saddr {set_of(far)} {family} daddr {here.address} {here.protocol} dport {here.ports} "
            f"counter name {self._counter(f'{kind}_in.{peer}')} accept"
        )
        self._out.append(
            f"{family} saddr {here.address} {here.protocol} sport {here.ports} {family} daddr {set_of(far)} "
            f"counter name {self._counter(f'{kind}_out.{peer}')} accept"
        )

    def _let_in(self, name: str, here: Port, networks: Iterable[Network]) -> None:
        """They open, our answers are of the same connection."""
        far = of_family(networks, here.address.version)
        family = _family(here.address.version)
        if far:
            self._in.append(
                f"{family} saddr {set_of(far)} {family} daddr {here.address} {here.protocol} dport {here.ports} "
                f"ct state new counter name {self._counter(name)} accept"
            )

    def _admit(self, name: str, protocol: str, ports: str, networks: Iterable[Network]) -> None:
        """They open, at whatever address of this host."""
        for family, far in by_family(networks):
            self._in.append(
                f"{family} saddr {set_of(far)} {protocol} dport {ports} "
                f"ct state new counter name {self._counter(name)} accept"
            )

    def _let_out(self, name: str, protocol: str, ports: str, networks: Iterable[Network]) -> None:
        """We open, their answers are of the same connection."""
        for family, far in by_family(networks):
            self._out.append(
                f"{family} daddr {set_of(far)} {protocol} dport {ports} "
                f"ct state new counter name {self._counter(name)} accept"
            )

    def _untrack(self, here: Port) -> None:
        family = _family(here.address.version)
        self._untracked_in[f"{family} daddr {here.address} {here.protocol} dport {here.ports} notrack"] = None
        self._untracked_out[f"{family} saddr {here.address} {here.protocol} sport {here.ports} notrack"] = (
            None
        )

    def _counter(self, name: str) -> str:
        if name not in self.counters:
            self.counters.append(name)
        return f'"{name}"'


def _chain(name: str, hook: str, priority: str, policy: str, rules: Sequence[str]) -> str:
    body = "".join(f"\t\t{rule}\n" if rule else "\n" for rule in rules)
    return f"\tchain {name} {{\n\t\ttype filter hook {hook} priority {priority}; policy {policy};\n{body}\t}}\n\n"


def literal(url: str) -> Address | None:
    try:
        return ip_address(urlsplit(url).hostname or "")
    except ValueError:
        return None


def hosts(*addresses: Address | None) -> tuple[Network, ...]:
    return tuple(ip_network(address) for address in dict.fromkeys(addresses) if address is not None)


def _family(version: int) -> str:
    return "ip" if version == 4 else "ip6"


def of_family(networks: Iterable[Network], version: int) -> list[Network]:
    """Of one family and without overlaps, which nftables refuses in a set."""
    if version == 4:
        return list(collapse_addresses(one for one in networks if isinstance(one, IPv4Network)))
    return list(collapse_addresses(one for one in networks if isinstance(one, IPv6Network)))


def by_family(networks: Iterable[Network]) -> Iterator[tuple[str, list[Network]]]:
    networks = tuple(networks)
    for version in (4, 6):
        far = of_family(networks, version)
        if far:
            yield _family(version), far


def set_of(networks: Sequence[Network]) -> str:
    """One network as it is, several in braces; a single address without its mask."""
    words = [str(one.network_address) if one.num_addresses == 1 else str(one) for one in networks]
    return words[0] if len(words) == 1 else f"{{ {', '.join(words)} }}"
