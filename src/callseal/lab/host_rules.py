"""The firewalls of the lab's hosts that are not ours to render: who may open what.

Edges and desk load what `callseal render` writes. A partner's host is its own responsibility; what it needs to let in follows from
what it is told about us (`partner_openings`). Carrier, platform and the rest are the lab's own affair (`OPENINGS`). Nothing comes in
but what is listed and what answers the host's own traffic; the lab's parties trust themselves, so what goes out is not limited.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from callseal.deployment import Deployment, Partner
from callseal.lab.encryption import TLS_PORT

SIP = "5060-5061"
PHONE_MEDIA = "20000-20999"
MEDIA = "30000-39999"
"""The ports of the sandbox partner's rtpengine."""

EDGE_SIP = (20, 120)
EDGE_MEDIA = (21, 121)


@dataclass(frozen=True, slots=True)
class Opening:
    """`protocol` (udp, tcp) and `ports` that the processes numbered `sources` may reach; no sources: everybody."""

    protocol: str
    ports: str
    sources: tuple[int, ...] = ()


_SIP_FROM_EDGES = (Opening("udp", SIP, EDGE_SIP), Opening("tcp", SIP, EDGE_SIP))

OPENINGS: dict[str, tuple[Opening, ...]] = {
    "carrier": (*_SIP_FROM_EDGES, Opening("udp", PHONE_MEDIA, EDGE_MEDIA)),
    "psp": (Opening("tcp", "8033", (30, 130)),),
    "platform": (
        *_SIP_FROM_EDGES,
        Opening("udp", PHONE_MEDIA, EDGE_MEDIA),
        Opening("tcp", "8041", (50,)),
    ),
    "dns": (Opening("udp", "53"), Opening("tcp", "53")),
    # The phones' audio for the keypad page, and the page itself.
    "office": (Opening("udp", "9001-9002", (10, 40)), Opening("tcp", "8060", (60, 61))),
    "stranger": (Opening("udp", "1-65535"), Opening("tcp", "1-65535")),
    # Closed until the deployment is known.
    "partner": (),
    "partner-2": (),
}


def rules(openings: Iterable[Opening], address: Callable[[int], str]) -> str:
    """An nftables file; `address` maps process numbers."""
    return _file(
        _line(opening.protocol, opening.ports, map(address, opening.sources)) for opening in openings
    )


def partner_rules(deployment: Deployment, partner: Partner) -> str:
    """The nftables file of a sandbox partner's host, from what any partner is told: where the edges signal, where their media is, and
    which address its API is asked from."""
    sip = [str(edge.sip.address) for edge in deployment.edges]
    media = [str(address) for address in deployment.media_addresses]
    desk = _address(deployment.desk.url)
    ours = (
        ("tcp", str(TLS_PORT), [str(edge.sip_tls.address) for edge in deployment.edges if edge.sip_tls])
        if partner.transport == "tls"
        else (partner.transport, "5060", sip)
    )
    api = str(urlsplit(partner.api).port or 443)
    return _file(_line(*one) for one in (ours, ("udp", MEDIA, media), ("tcp", api, [desk])))


def _address(url: str) -> str:
    return str(ip_address(urlsplit(url).hostname or ""))


def _line(protocol: str, ports: str, sources: Iterable[str]) -> str:
    listed = ", ".join(sources)
    who = f"ip saddr {{ {listed} }} " if listed else ""
    return f"\t\t{who}{protocol} dport {ports} accept\n"


def _file(lines: Iterable[str]) -> str:
    return (
        "table inet host\n"
        "delete table inet host\n"
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
