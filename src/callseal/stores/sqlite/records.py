"""Call records on SQLite: what the desk writes at a hand-off, and how anybody reads it, the desk running or not."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from callseal.payments.record import RecordHead, call_record
from callseal.payments.session import Session


def put_record(database: sqlite3.Connection, session: Session) -> None:
    """At the hand-off; a second time changes nothing."""
    body = {
        "direction": session.direction,
        "edge": session.edge,
        "node": session.node,
        "region": session.region,
        "customer_call_id": session.customer_call_id,
        "agent_call_id": session.agent_call_id,
        "partner_session": session.partner_session,
        "payments_off": session.payments_off,
        "partner": session.partner_id,
    }
    database.execute(
        "INSERT OR IGNORE INTO records VALUES (?, ?, ?, ?)",
        (session.reference, session.tenant, session.started_at, json.dumps(body, separators=(",", ":"))),
    )


def history(database: sqlite3.Connection, reference: str) -> list[dict[str, Any]]:
    """Every logged event of a call, oldest first."""
    rows = database.execute(
        "SELECT at, source, name, before, after, body FROM events WHERE reference = ? ORDER BY id",
        (reference,),
    )
    return [
        {"at": at, "source": source, "name": name, "before": before, "after": after, **json.loads(body)}
        for at, source, name, before, after, body in rows
    ]


def read_record(database: sqlite3.Connection, reference: str) -> dict[str, Any] | None:
    """The record of a call (`payments.record`), None when there was no such call."""
    row = database.execute(
        "SELECT tenant, started_at, body FROM records WHERE reference = ?", (reference,)
    ).fetchone()
    if row is None:
        return None
    tenant, started_at, body = row
    head = RecordHead(reference=reference, tenant=tenant, started_at=started_at, **json.loads(body))
    session = database.execute("SELECT body FROM sessions WHERE reference = ?", (reference,)).fetchone()
    parties: dict[str, str | None] = json.loads(session[0]) if session else {}
    return call_record(head, parties, history(database, reference))


def record_in(path: Path, reference: str) -> dict[str, Any] | None:
    """The same from a store's file, beside a desk that may be using it. Raises `sqlite3.Error` (no file, or an older schema)."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)) as database:
        return read_record(database, reference)
