"""Numbers for Prometheus. One registry an agent, so that two agents in one test do not meet."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_NG_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


class EdgeMetrics:
    """All series start with `callseal_edge_`. No label holds a reference, a number or a Call-ID."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.spool_depth = Gauge(
            "callseal_edge_spool_rows", "Rows that wait for the desk", registry=self.registry
        )
        self.spool_oldest = Gauge(
            "callseal_edge_spool_oldest_seconds", "Age of the oldest waiting row", registry=self.registry
        )
        self.deliveries = Counter(
            "callseal_edge_deliveries",
            "Attempts to deliver, by kind and outcome",
            ("kind", "outcome"),
            registry=self.registry,
        )
        self.ng_seconds = Histogram(
            "callseal_edge_ng_round_trip_seconds",
            "From the ng command to its answer, repeats included",
            ("command",),
            buckets=_NG_BUCKETS,
            registry=self.registry,
        )
        self.holds = Gauge("callseal_edge_holds", "Customer legs on hold", registry=self.registry)
        self.verdicts = Counter(
            "callseal_edge_leg_verdicts",
            "Ends of watches, by leg and kind",
            ("leg", "kind"),
            registry=self.registry,
        )
        self.refused = Counter(
            "callseal_edge_refused",
            "Notices, datagrams and requests that were turned away, by reason",
            ("reason",),
            registry=self.registry,
        )

    def render(self) -> bytes:
        """The text exposition format."""
        return generate_latest(self.registry)
