"""The lab on hosts: one network namespace a party, and one in the middle that routes between them.

Every host hangs on a veth of its own, with addresses of the documentation ranges (RFC 5737) and a default route to the
middle. Addresses are the same in every lab: two labs have nothing in common but the kernel. What each host lets in
stands in `host_rules`; edges and desk load the rules that `callseal render` writes. Map: docs/explanation/hosts-lab.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from callseal.lab import nat_host
from callseal.lab.example_on_hosts import SECOND_EDGE, on_hosts
from callseal.lab.host_commands import HostsError, gives_up_soon, ip_batch, run, without_ipv6
from callseal.lab.host_rules import OPENINGS, rules
from callseal.lab.place import Namespace, Place
from callseal.lab.site import Site

GATEWAY = "192.0.2.1"
DOOR = "callseal-door"
_DOOR_NUMBER = 61
DEVICE = "net0"
NAT = "nat"
"""The host that maps the first edge's addresses; only there with `Hosts(nat=True)`."""


@dataclass(frozen=True, slots=True)
class Host:
    """A party's machine. `addresses` maps process numbers; what a process does not bind leaves by the first."""

    name: str
    addresses: Mapping[int, str]


HOSTS = (
    Host("carrier", {10: "198.51.100.10"}),
    # An edge has an inside address beside its two public ones: rtpengine's control port and the edge agent.
    Host("edge-1", {22: "192.0.2.22", 20: "192.0.2.20", 21: "192.0.2.21"}),
    Host("edge-2", {122: "203.0.113.22", 120: "203.0.113.20", 121: "203.0.113.21"}),
    Host("partner", {30: "192.0.2.130", 31: "192.0.2.131"}),
    Host("psp", {33: "192.0.2.133"}),
    Host("platform", {40: "198.51.100.140", 41: "198.51.100.141"}),
    Host("desk", {50: "192.0.2.50"}),
    Host("dns", {53: "192.0.2.53"}),
    Host("office", {60: "192.0.2.60"}),  # the agent's browser, the keypad page, the lab's own requests
    # Nobody knows the stranger, who also has the addresses next to the carrier's and the partner's.
    Host("stranger", {66: "203.0.113.66", 67: "198.51.100.11", 68: "192.0.2.132"}),
    Host("partner-2", {130: "203.0.113.130", 131: "203.0.113.131"}),
)
EDGE_HOSTS = ("edge-1", "edge-2")


class Hosts(Site):
    """Opened by the world that runs on it; needs root, `ip`, `nsenter` and `nft`."""

    interface: ClassVar[str] = DEVICE
    has_hosts: ClassVar[bool] = True

    def __init__(self, partners: int = 1, *, clusters: bool = False, nat: bool = False) -> None:
        """With two `partners` the second stands by for the first, and both are found by name; with one its host is empty.

        With `clusters` the edges of each region have one name, which peers must look up. With `nat` the first edge has private
        addresses, and a host before it maps the public ones to them (`nat_host`).
        """
        self._partners = partners
        self._clusters = clusters
        self._nat = nat
        self._addresses = {number: address for host in HOSTS for number, address in host.addresses.items()}
        self._addresses[_DOOR_NUMBER] = "192.0.2.61"
        self._host_of = {address: host.name for host in HOSTS for address in host.addresses.values()}
        self._namespaces: dict[str, Namespace] = {}
        self._middle: Namespace | None = None
        self._resolver: Path | None = None
        self._door_is_open = False

    # Addresses.

    def host(self, byte: int) -> str:
        return self._addresses[byte]

    @property
    def kamailios(self) -> tuple[str, ...]:
        return (self.host(20), self.host(20 + SECOND_EDGE))

    @property
    def partners(self) -> tuple[tuple[str, str], ...]:
        second = (self.host(30 + SECOND_EDGE), self.host(31 + SECOND_EDGE))
        return (*super().partners, *([second] if self._partners == 2 else []))

    @property
    def digit_feed(self) -> str:
        return "127.0.0.1"

    @property
    def name_server(self) -> str:
        return self.host(53)

    @property
    def office(self) -> str:
        return self.host(60)

    @property
    def door(self) -> str:
        """This machine's own address in the lab's network, once `open_door` was called."""
        return self.host(_DOOR_NUMBER)

    @property
    def stranger(self) -> str:
        return self.host(66)

    def deployment(self, example: str) -> str:
        text = on_hosts(
            example,
            self,
            self._addresses,
            name_server=self.name_server,
            browsers=(self.office, self.door),
            clusters=self._clusters,
        )
        return nat_host.bound(text) if self._nat else text

    def card(self, address: str) -> str:
        if not self._nat:
            return address
        return next(
            (card for number, card in nat_host.PRIVATE.items() if self.host(number) == address), address
        )

    # Places.

    def place(self, address: str) -> Place:
        return self.namespace(self._host_of[address])

    def namespace(self, name: str) -> Namespace:
        """The host of that name. `KeyError` when the lab is not open."""
        return self._namespaces[name]

    @property
    def resolver(self) -> Path | None:
        return self._resolver

    @property
    def middle(self) -> Place:
        if self._middle is None:
            raise HostsError("the lab's network is not open")
        return self._middle

    @property
    def middle_interface(self) -> str:
        return ""

    # Life.

    def open(self, folder: Path) -> None:
        self._resolver = folder.resolve() / "resolv.conf"
        self._resolver.write_text(f"nameserver {self.name_server}\n", encoding="ascii")
        try:
            self._middle = Namespace()
            with self._middle.inside():
                without_ipv6()
                Path("/proc/sys/net/ipv4/ip_forward").write_text("1", encoding="ascii")
                run(["ip", "link", "set", "lo", "up"])
            for host in HOSTS:
                self._connect(host, self._middle)
        except BaseException:
            self.close()
            raise

    def _connect(self, host: Host, middle: Namespace) -> None:
        namespace = self._namespaces[host.name] = Namespace(self._resolver)
        addresses, gateway, outer = host.addresses, GATEWAY, namespace
        behind_nat = self._nat and host.name == nat_host.EDGE
        if behind_nat:
            outer = self._namespaces[NAT] = Namespace()
            addresses, gateway = nat_host.cards(addresses), nat_host.NEXT_HOP
        with outer.inside():
            ip_batch(f"link add {DEVICE} type veth peer name {host.name} netns {middle.path}")
        if behind_nat:
            nat_host.open_nat_host(namespace, outer, host.addresses, GATEWAY)
        with namespace.inside():
            without_ipv6()
            if host.name in EDGE_HOSTS:
                gives_up_soon()
            ip_batch(
                "link set lo up",
                *(f"addr add {address}/32 dev {DEVICE}" for address in addresses.values()),
                f"link set dev {DEVICE} up",
                f"route add {gateway} dev {DEVICE}",
                f"route add default via {gateway} src {next(iter(addresses.values()))}",
            )
            if host.name in OPENINGS:
                run(["nft", "-f", "-"], rules(OPENINGS[host.name], self.host))
        with middle.inside():
            ip_batch(
                f"addr add {GATEWAY}/32 dev {host.name}",
                f"link set dev {host.name} up",
                *(f"route add {address}/32 dev {host.name}" for address in host.addresses.values()),
            )

    def close(self) -> None:
        """The namespaces go with their last process, and their devices with them."""
        if self._door_is_open:
            run(["ip", "link", "delete", DOOR])  # it would go a moment later by itself
            self._door_is_open = False
        for namespace in self._namespaces.values():
            namespace.close()
        self._namespaces.clear()
        if self._middle is not None:
            self._middle.close()
            self._middle = None

    def load_firewall(self, address: str, rules: Path) -> None:
        with self.inside(address):
            run(["nft", "-f", str(rules)])

    def unplug(self, name: str) -> None:
        """The host of that name is gone: what is sent to it vanishes, and nobody hears that it did."""
        with self.middle.inside():
            ip_batch(
                f"link set dev {name} down",
                *(f"route replace blackhole {address}/32" for address in _addresses_of(name)),
            )

    def plug_in(self, name: str) -> None:
        """It is back, as it was."""
        with self.middle.inside():
            ip_batch(
                f"link set dev {name} up",
                *(f"route delete blackhole {address}/32" for address in _addresses_of(name)),
                *(f"route replace {address}/32 dev {name}" for address in _addresses_of(name)),
            )

    def open_door(self) -> None:
        """Let this machine's browser reach the desk and the keypad page. One lab at a time can have it.

        Raises `HostsError` when the address is in use already.
        """
        if self._middle is None:
            raise HostsError("the lab's network is not open")
        pages = (self.host(50), self.host(60))
        ip_batch(
            f"link add {DOOR} type veth peer name door netns {self._middle.path}",
            f"addr add {self.door}/32 dev {DOOR}",
            f"link set dev {DOOR} up",
            f"route add {GATEWAY} dev {DOOR}",
            *(f"route add {page} via {GATEWAY} src {self.door}" for page in pages),
        )
        self._door_is_open = True
        with self._middle.inside():
            ip_batch(
                f"addr add {GATEWAY}/32 dev door",
                "link set dev door up",
                f"route add {self.door}/32 dev door",
            )

    def unload_firewall(self, address: str) -> None:
        """Take the rules of an edge or the desk away."""
        with self.inside(address):
            run(["nft", "delete", "table", "inet", "callseal_desk" if address == self.desk else "callseal"])

    # What a test looks at.

    def rules(self, address: str) -> str:
        """The rules on the host of `address`, without their counters."""
        with self.inside(address):
            return run(["nft", "--stateless", "list", "ruleset"])

    def counters(self, address: str) -> dict[str, int]:
        """Packets by the names of the nftables counters on the host of `address`."""
        return self.counters_of(self._host_of[address])

    def counters_of(self, name: str) -> dict[str, int]:
        """The same of the host of that name."""
        with self.namespace(name).inside():
            told = run(["nft", "list", "counters"])
        return {name: int(packets) for name, packets in re.findall(r"counter (\S+) \{\s+packets (\d+)", told)}


def _addresses_of(name: str) -> tuple[str, ...]:
    return tuple(next(host.addresses for host in HOSTS if host.name == name).values())
