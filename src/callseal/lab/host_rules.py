"""The firewalls of the lab's other hosts: who may open what. The edges' own rules are rendered (callseal.render.firewall).

Nothing comes in but what is listed here and what answers the host's own traffic. The lab's parties trust themselves, so
what goes out is not limited.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

SIP = "5060-5061"
PHONE_MEDIA = "20000-20999"
MEDIA = "30000-39999"

EDGE_SIP = (20, 120)
EDGE_MEDIA = (21, 121)
EDGE_INSIDE = (22, 122)


@dataclass(frozen=True, slots=True)
class Opening:
    """`protocol` (udp, tcp) and `ports` that the processes numbered `sources` may reach; no sources: everybody."""

    protocol: str
    ports: str
    sources: tuple[int, ...] = ()


_SIP_FROM_EDGES = (Opening("udp", SIP, EDGE_SIP), Opening("tcp", SIP, EDGE_SIP))
_PARTNER = (
    *_SIP_FROM_EDGES,
    Opening("udp", MEDIA, EDGE_MEDIA),
    Opening("tcp", "8030", (50,)),
)

OPENINGS: dict[str, tuple[Opening, ...]] = {
    "carrier": (*_SIP_FROM_EDGES, Opening("udp", PHONE_MEDIA, EDGE_MEDIA)),
    "partner": _PARTNER,
    "partner-2": _PARTNER,
    "psp": (Opening("tcp", "8033", (30, 130)),),
    "platform": (
        *_SIP_FROM_EDGES,
        Opening("udp", PHONE_MEDIA, EDGE_MEDIA),
        Opening("tcp", "8041", (50,)),
    ),
    "desk": (Opening("tcp", "8050", (*EDGE_INSIDE, 30, 130, 60, 61)),),
    "dns": (Opening("udp", "53"), Opening("tcp", "53")),
    # The phones' audio for the keypad page, and the page itself.
    "office": (Opening("udp", "9001-9002", (10, 40)), Opening("tcp", "8060", (60, 61))),
    "stranger": (Opening("udp", "1-65535"), Opening("tcp", "1-65535")),
}


def rules(openings: Iterable[Opening], address: Callable[[int], str]) -> str:
    """An nftables file; `address` maps process numbers."""
    lines = []
    for opening in openings:
        sources = ", ".join(map(address, opening.sources))
        who = f"ip saddr {{ {sources} }} " if sources else ""
        lines.append(f"\t\t{who}{opening.protocol} dport {opening.ports} accept\n")
    return (
        "table inet host {\n"
        "\tcounter refused_in { }\n"
        "\tchain arriving {\n"
        "\t\ttype filter hook input priority filter; policy drop;\n"
        '\t\tiifname "lo" accept\n'
        "\t\tct state established,related accept\n"
        f"{''.join(lines)}"
        "\t\tcounter name refused_in\n"
        "\t}\n"
        "}\n"
    )
