"""The first edge in a cloud: its host has private addresses, and before it stands one that maps public ones to them, one to one.

What a cloud does, and no more: addresses change both ways and ports stay, without any memory of connections. It does not "hairpin":
what the edge sends to its own public address is lost. The inside address is not mapped, as if it came through a tunnel. Nothing with
another address leaves, and nothing from outside reaches a private one; both are counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from callseal.lab.host_commands import HostsError, ip_batch, run, without_ipv6
from callseal.lab.place import Namespace

EDGE: Final = "edge-1"
PRIVATE: Final = {20: "198.51.100.220", 21: "198.51.100.221"}
"""What that edge's processes are bound to, by their numbers: an unused part of the documentation ranges."""
NEXT_HOP: Final = "198.51.100.254"
"""The edge's way out. (Its other side has the lab's own gateway.)"""
INSIDE, OUTSIDE = "inside", "net0"
HAIRPINS, STRAYS = "hairpins", "strays"
"""Its counters: what the edge sent to itself by way of us, and what nobody mapped."""

_RULES = """\
table ip nat_host {{
	counter {hairpins} {{ }}
	counter {strays} {{ }}
	chain arriving {{
		type filter hook prerouting priority raw; policy accept;
		iifname "{inside}" ip daddr {{ {public} }} counter name {hairpins} drop
		iifname "{inside}" ip saddr != {{ {private}, {own} }} counter name {strays} drop
		iifname "{outside}" ip daddr {{ {private} }} counter name {strays} drop
		iifname "{outside}" ip daddr set ip daddr map {{ {inward} }}
	}}
	chain leaving {{
		type filter hook postrouting priority raw; policy accept;
		oifname "{outside}" ip saddr set ip saddr map {{ {outward} }}
	}}
}}
"""


def rules(addresses: Mapping[int, str]) -> str:
    """The nftables file of the host; `addresses` are the edge's own by process numbers, the mapped ones as peers see them."""
    mapped = {addresses[number]: card for number, card in PRIVATE.items()}
    own = ", ".join(address for number, address in addresses.items() if number not in PRIVATE)
    return _RULES.format(
        hairpins=HAIRPINS,
        strays=STRAYS,
        inside=INSIDE,
        outside=OUTSIDE,
        public=", ".join(mapped),
        private=", ".join(mapped.values()),
        own=own,
        inward=", ".join(f"{public} : {card}" for public, card in mapped.items()),
        outward=", ".join(f"{card} : {public}" for public, card in mapped.items()),
    )


def bound(deployment: str) -> str:
    """The deployment's text, with what the first edge is bound to. Raises `HostsError` when it has no such edge."""
    line = f'id = "{EDGE}"\n'
    if line not in deployment:
        raise HostsError(f"the deployment has no edge {EDGE}")
    return deployment.replace(line, f'{line}bind_sip = "{PRIVATE[20]}"\nbind_media = "{PRIVATE[21]}"\n', 1)


def cards(addresses: Mapping[int, str]) -> dict[int, str]:
    """What the edge's own card has instead of `addresses`."""
    return {number: PRIVATE.get(number, address) for number, address in addresses.items()}


def open_nat_host(edge: Namespace, nat: Namespace, addresses: Mapping[int, str], gateway: str) -> None:
    """Between `edge`, whose device is `OUTSIDE` of ours and has no addresses yet, and `nat`, which hangs on the middle as the edge would."""
    with nat.inside():
        without_ipv6()
        for name, value in (("ip_forward", "1"), ("conf/all/proxy_arp", "1")):
            Path(f"/proc/sys/net/ipv4/{name}").write_text(value, encoding="ascii")
        ip_batch(
            "link set lo up",
            f"link add {INSIDE} type veth peer name net0 netns {edge.path}",
            f"addr add {NEXT_HOP}/32 dev {INSIDE}",
            f"link set dev {INSIDE} up",
            f"link set dev {OUTSIDE} up",
            f"route add {gateway} dev {OUTSIDE}",
            f"route add default via {gateway} src {NEXT_HOP}",
            # The mapped ones too: so that somebody answers to them on the outside.
            *(f"route add {address}/32 dev {INSIDE}" for address in {*addresses.values(), *PRIVATE.values()}),
        )
        run(["nft", "-f", "-"], rules(addresses))
