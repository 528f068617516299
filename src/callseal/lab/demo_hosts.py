"""What the demo has more on hosts: what each firewall let through, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from callseal.lab.hosts import Hosts

EXPLAINED = (
    "what the hosts' firewalls let through (UDP by the packet, TCP by the connection), and what they refused:"
)


def firewall_lines(hosts: Hosts) -> Iterator[str]:
    """One line for each edge, one for the desk."""
    for number, address in enumerate(hosts.kamailios, start=1):
        counted = hosts.counters(address)
        yield (
            f"   edge-{number}   in: SIP {_of(counted, 'sip_in')}, RTP {_of(counted, 'rtp_in')} from carrier, partners, platform; "
            f"{_refused(counted)}"
        )
    counted = hosts.counters(hosts.desk)
    yield (
        f"   desk     in: {_of(counted, 'edge_in')} from edges, {_of(counted, 'webhooks_in')} from partners, "
        f"{counted.get('browsers_in', 0)} from browsers; {_refused(counted)}"
    )


def _of(counted: Mapping[str, int], kind: str) -> int:
    return sum(count for name, count in counted.items() if name.startswith(f"{kind}."))


def _refused(counted: Mapping[str, int]) -> str:
    return f"{counted['refused_in']} refused, {counted['refused_out']} kept from leaving"
