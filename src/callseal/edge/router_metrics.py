"""Kamailio and rtpengine on the agent's metrics page, so that an edge is one target to scrape (docs/adr/0011).

A collector of its own, because these counters are Kamailio's: they are shown as they are, a restart to zero included.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from callseal.edge.router_state import RouterState


class RouterMetrics(Collector):
    """`show` takes the latest look; None is "did not answer". `peers` names the destination sets."""

    def __init__(self, peers: Mapping[int, str]) -> None:
        self._peers = peers
        self._router: RouterState | None = None
        self._sessions: int | None = None

    def show(self, router: RouterState | None, sessions: int | None) -> None:
        self._router, self._sessions = router, sessions

    def describe(self) -> Iterable[Metric]:
        return self.collect()

    def collect(self) -> Iterable[Metric]:
        state = self._router or RouterState()
        events = CounterMetricFamily(
            "callseal_edge_router_events",
            "Kamailio's counters of what it refused, removed or repaired",
            labels=("event",),
        )
        for name, count in sorted(state.events.items()):
            events.add_metric((name,), count)
        destinations = GaugeMetricFamily(
            "callseal_edge_router_destination_up",
            "1: probing finds this destination alive",
            labels=("peer", "uri"),
        )
        for one in state.destinations:
            destinations.add_metric((self._peers.get(one.group, f"set {one.group}"), one.uri), one.up)
        yield _gauge("router_up", "1: Kamailio answers on its control socket", self._router is not None)
        yield events
        yield destinations
        yield _gauge("router_queue", "Notices in Kamailio that wait for the edge agent", state.queue)
        yield _gauge("router_transactions", "SIP transactions that Kamailio has in hand", state.transactions)
        yield _gauge("router_shared_memory_free_bytes", "Kamailio's free shared memory", state.free_bytes)
        yield _gauge("router_shared_memory_bytes", "Kamailio's shared memory, used or not", state.total_bytes)
        yield _gauge(
            "router_short_of_memory",
            "1: new calls are turned away, because shared memory is short; 2: second halves of calls, too",
            state.short_of_memory,
        )
        yield _gauge("draining", "1: the edge turns new calls away", state.draining)
        yield _gauge("rtpengine_up", "1: this edge's rtpengine answers", self._sessions is not None)
        yield _gauge(
            "rtpengine_sessions", "Anchors (relayed legs) on this edge's rtpengine", self._sessions or 0
        )


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(f"callseal_edge_{name}", what, value=value)
