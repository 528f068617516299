"""What the demo says more on hosts: where everybody is, and what each firewall let in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from callseal.lab.hosts import Hosts

MAP = "each party on a host of its own, behind its own firewall (docs/explanation/hosts-lab.md)"
EXPLAINED = "what the firewalls let in (UDP: packets, TCP: connections), refused, and kept from leaving:"


def firewall_lines(hosts: Hosts) -> Iterator[str]:
    """One line for each edge, one for the desk."""
    for number, address in enumerate(hosts.kamailios, start=1):
        counted = hosts.counters(address)
        yield (
            f"   edge-{number}  SIP {_of(counted, 'sip_in')}, RTP {_of(counted, 'rtp_in')} from its peers; "
            f"{_refused(counted)}"
        )
    counted = hosts.counters(hosts.desk)
    yield (
        f"   desk    HTTP {_of(counted, 'edge_in')} of edges, {_of(counted, 'webhooks_in')} of partners, "
        f"{counted['browsers_in']} of browsers; {_refused(counted)}"
    )


def _of(counted: Mapping[str, int], kind: str) -> int:
    return sum(count for name, count in counted.items() if name.startswith(f"{kind}."))


def _refused(counted: Mapping[str, int]) -> str:
    return f"{counted['refused_in']} refused, {counted['refused_out']} kept from leaving"
