"""A session of which nothing is known but its hand-off: what a store is given first."""

from __future__ import annotations

from callseal.payments.names import Direction
from callseal.payments.ports import LogEntry
from callseal.payments.session import Session

NOW = 1_790_000_000_000
FRESH = Session(
    reference="0123456789abcdef0123456789abcdef",
    tenant="acme",
    number="+442079460123",
    direction=Direction.IN,
    caller="+447700900123",
    called="+442079460123",
    edge="edge-1",
    node="n1",
    region="local",
    customer_call_id="c-1@carrier",
    agent_call_id="a-1@partner",
    started_at=NOW,
    partner_session="f" * 32,
)
LOG = LogEntry("edge", "handed_off", "", "offered", {})
