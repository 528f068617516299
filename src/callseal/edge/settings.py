"""What the edge agent has to know, as plain data; `callseal.services.edge` fills it from the deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal, TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network
Address: TypeAlias = tuple[str, int]
"""Host and port."""


@dataclass(frozen=True, slots=True)
class MediaNetworks:
    """Where RTP may be: the partner's, our own (every rtpengine of the deployment) and the platform's networks."""

    partner: tuple[Network, ...]
    home: tuple[Network, ...]
    platform: tuple[Network, ...]


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """One edge's agent.

    `peers` are the only source addresses from which notices are taken (Kamailio's and loopback's). `nodes` maps the
    name of each rtpengine, as Kamailio says it (its edge's `server_id`), to its ng address; `own_node` is the one of
    this edge. `anchors` is
    the platform's media rule, `fence` the policy of the deployment. `router_control` is Kamailio's control socket, `peer_sets`
    names its destination sets: for the metrics page. `hep` is the collector of traces, None for no tracing. Times are milliseconds unless the name says otherwise.
    """

    edge: str
    http: Address
    datagrams: Address
    peers: frozenset[str]
    secret: str = field(repr=False)
    desk_url: str
    nodes: Mapping[str, Address]
    own_node: str
    media: MediaNetworks
    state: Path
    anchors: Literal["one", "two"] = "two"
    fence: Literal["events", "tones", "mute", "unsafe-off"] = "events"
    hold_ttl_ms: int = 10_000
    hold_step_ms: int = 2_000
    hold_limit_ms: int = 60_000
    evidence_poll_ms: int = 10
    evidence_window_ms: int = 1_500
    ng_timeout_ms: int = 300
    ng_attempts: int = 2
    desk_timeout_ms: int = 3_000
    retry_first_ms: int = 200
    retry_limit_ms: int = 15_000
    spool_age_limit_ms: int = 24 * 3_600_000
    router_control: Path | None = None
    peer_sets: Mapping[int, str] = field(default_factory=dict)
    hep: Address | None = None
    token_header: str = ""
    reference_header: str = ""
    certificates: tuple[Path, ...] = ()
    """PEM files whose end the metrics show."""

    def __post_init__(self) -> None:
        if self.own_node not in self.nodes:
            raise ValueError(f"edge {self.edge}: own node {self.own_node!r} is not among the nodes")
        if not self.secret:
            raise ValueError(f"edge {self.edge}: the edge secret is empty")
