"""The desk's metrics. Labels are ids from our own code; never a tenant's, a call's or a person's."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from callseal.payments.names import SWITCHED, Outcome, State
from callseal.payments.ports import PaymentsSwitch
from callseal.payments.session import Session
from callseal.payments.session_table import COVERED

SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
WINDOW = (15.0, 30.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0)
DELAY = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 60.0)


class Metrics:
    """One registry per application, so that two in one process do not meet."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self.handoffs = Counter(
            "callseal_handoffs_total",
            "Hand-offs taken, by what became of them",
            ["result"],
            registry=registry,
        )
        self.calls = Gauge("callseal_calls", "Open payment sessions by state", ["state"], registry=registry)
        self.secure_seconds = Histogram(
            "callseal_secure_seconds",
            "From the press of Secure until secured",
            buckets=SECONDS,
            registry=registry,
        )
        self.secured_seconds = Histogram(
            "callseal_secured_window_seconds",
            "How long lines stayed secured, from secured until they left it",
            buckets=WINDOW,
            registry=registry,
        )
        self.restore_seconds = Histogram(
            "callseal_restore_seconds",
            "From leaving the secured line until both legs were home",
            buckets=SECONDS,
            registry=registry,
        )
        self.handoff_delay = Histogram(
            "callseal_handoff_delay_seconds",
            "From the edge's clock at the hand-off to the desk's: the way, the wait in the spool, and clock skew",
            buckets=DELAY,
            registry=registry,
        )
        self.ended = Counter("callseal_calls_ended_total", "Calls that are over", registry=registry)
        self.revoked = Counter(
            "callseal_secured_revoked_total",
            "Secured calls that lost their evidence",
            ["reason"],
            registry=registry,
        )
        self.stuck = Counter(
            "callseal_media_at_partner_total",
            "Calls whose media did not come home in time",
            registry=registry,
        )
        self.charges = Counter("callseal_charges_total", "Charges by outcome", ["outcome"], registry=registry)
        self.webhooks = Counter(
            "callseal_partner_webhooks_total", "Partner webhooks taken, by type", ["type"], registry=registry
        )
        self.webhook_rejects = Counter(
            "callseal_webhook_rejects_total", "Partner webhooks refused", ["reason"], registry=registry
        )
        self.edge_events = Counter(
            "callseal_edge_events_total", "Reports of the edges, by kind", ["kind"], registry=registry
        )
        self.commands = Counter(
            "callseal_commands_total", "Commands carried out", ["command", "result"], registry=registry
        )
        self.logins = Counter("callseal_logins_total", "Logins", ["result"], registry=registry)
        self.refusals = Counter("callseal_refusals_total", "Presses refused", ["error"], registry=registry)
        self.streams = Gauge("callseal_event_streams", "Browsers that listen", registry=registry)

        self.payments_off = Gauge(
            "callseal_payments_off", "1: payments are off for every call", ["reason"], registry=registry
        )
        self.canary_calls = Counter(
            "callseal_canary_calls_total", "Canary calls, by verdict", ["verdict"], registry=registry
        )
        self.canary_at = Gauge(
            "callseal_canary_last_timestamp_seconds",
            "When the last canary call ended (unix time); 0: none since this desk started",
            registry=registry,
        )
        self.canary_digits = Gauge(
            "callseal_canary_digits_heard",
            "Digits of the last canary call that reached its agent's side while secured",
            registry=registry,
        )
        self.canary_secure = Gauge(
            "callseal_canary_secure_seconds",
            "From the press of Secure until secured in the last canary call that was secured",
            registry=registry,
        )
        self.payments(None)

    def payments(self, off: PaymentsSwitch | None) -> None:
        """How the switch stands."""
        for reason in SWITCHED:
            self.payments_off.labels(str(reason)).set(off is not None and off.reason is reason)

    def canary(self, verdict: str, digits: int, secured_ms: int | None, at: int) -> None:
        """One canary call. `at` unix ms."""
        self.canary_calls.labels(verdict).inc()
        self.canary_at.set(at / 1000)
        self.canary_digits.set(digits)
        if secured_ms is not None:
            self.canary_secure.set(secured_ms / 1000)

    def moved(self, before: Session, after: Session, now: int) -> None:
        """Count what a step meant. `now` unix ms."""
        if after.result and (before.result is None or before.result.outcome != after.result.outcome):
            self.charges.labels(str(Outcome(after.result.outcome))).inc()
        if after.state is before.state:
            return
        if (
            after.state is State.SECURED
            and before.state is State.SECURING
            and before.secured_at is None
            and after.pressed_at
        ):
            self.secure_seconds.observe((now - after.pressed_at) / 1000)
        if before.state in COVERED and after.state not in COVERED and before.secured_at is not None:
            self.secured_seconds.observe((now - before.secured_at) / 1000)
        if after.state is State.READY and before.state in (State.RESTORING, State.MEDIA_AT_PARTNER):
            self.restore_seconds.observe((now - before.entered_at) / 1000)
        if after.state is State.ENDED:
            self.ended.inc()
        if after.state is State.RESTORING and after.notice in (
            "evidence_lost",
            "partner_left",
            "edge_lost",
            "node_lost",
            "partner_gone",
        ):
            self.revoked.labels(after.notice).inc()
        if after.state is State.MEDIA_AT_PARTNER:
            self.stuck.inc()

    def exposition(self, by_state: dict[str, int]) -> bytes:
        """The Prometheus text format."""
        for state in State:
            self.calls.labels(str(state)).set(by_state.get(str(state), 0))
        return generate_latest(self.registry)
