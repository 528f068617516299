"""What an edge's daemons are bound to and what they show: the same, unless the machine is behind one-to-one NAT.

Peers know the addresses of the deployment, so everything that is written into a message or compared with one is of these
(`Edge`); only sockets and the packets on the machine's own card have the others (`Edge.bound`). docs/adr/0033.
"""

from __future__ import annotations

from callseal.deployment import Edge, HostPort


def listener(bound: HostPort, shown: HostPort, host: str | None = None) -> str:
    """What stands behind `listen=udp:`. With `host` that name is shown instead of the address."""
    if host:
        return f"{bound} advertise {host}:{shown.port}"
    return str(bound) if bound == shown else f"{bound} advertise {shown}"


def interfaces(edge: Edge) -> tuple[str, ...]:
    """rtpengine's `--interface`, one option each: `ADDRESS`, or `BOUND!SHOWN`."""
    bound = edge.bound.media
    first = str(bound) if bound == edge.media else f"{bound}!{edge.media}"
    return (first,) if edge.media6 is None else (first, str(edge.media6))
