"""The record of a call, from the desk or from its store; and how it reads to a person."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from callseal.observe.errors import Error
from callseal.operate.unreachable import reason
from callseal.stores.sqlite.records import record_in

Record = dict[str, Any]


class RecordError(Error):
    """No such record, or it may not be read."""

    id = "no_record"


def from_store(store: Path, reference: str) -> Record:
    """From the desk's SQLite file, which may be in use. Raises `RecordError`."""
    try:
        found = record_in(store, reference)
    except sqlite3.Error as error:
        raise RecordError(
            f"{store} cannot be read as a desk's store: {error}",
            advice="Run this where the desk runs and as its user, or ask the desk with --desk URL.",
        ) from None
    if found is None:
        raise RecordError(f"there was no call {reference}", advice="A reference has 32 hex digits.")
    return found


def from_desk(url: str, reference: str, login: str, password: str) -> Record:
    """From a desk, as one of its agents. Raises `RecordError`."""
    try:
        with httpx2.Client(base_url=url, timeout=5.0, trust_env=False) as http:
            entered = http.post("/v1/login", data={"username": login, "password": password})
            if entered.status_code != httpx2.codes.OK:
                raise RecordError(f"the desk refused the login of {login}", advice="Is the password right?")
            answer = http.get(f"/v1/calls/{reference}/record")
            http.post("/v1/logout", headers={"X-CSRF-Token": str(entered.json()["csrf"])})
    except httpx2.HTTPError as error:
        raise RecordError(
            f"the desk does not answer on {url} ({reason(error)})",
            advice="Does it run there, and may this host reach it?",
        ) from None
    if answer.status_code != httpx2.codes.OK:
        body = answer.json()
        raise RecordError(str(body.get("message", answer.status_code)), advice=str(body.get("advice", "")))
    return dict(answer.json())


def as_text(record: Record) -> Iterator[str]:
    """Lines for a terminal, times in UTC."""
    direction = {"in": "inbound", "out": "outbound"}.get(record["direction"], record["direction"])
    who = f"{record['caller'] or 'caller forgotten'} -> {record['called'] or 'called forgotten'}"
    yield f"{record['reference']}  {direction}, {record['tenant']}, {who}"
    yield f"  edge {record['edge']} (node {record['node']}, region {record['region']})"
    yield f"  customer leg {record['legs']['customer']['call_id'] or '-'}"
    yield f"  agent leg    {record['legs']['agent']['call_id'] or '-'}"
    if record.get("partner"):
        yield f"  partner {record['partner']}"
    yield f"  payments {'on' if record['payments']['allowed'] else 'off: ' + str(record['payments']['reason'])}"
    yield f"  {_time(record['started_at'])}  call"
    for moment, text in sorted(_moments(record)):
        yield f"  {_time(moment)}  {text}"


def _moments(record: Record) -> Iterator[tuple[int, str]]:
    for step in record["states"]:
        yield step["at"], f"{step['state']} ({step['on']}, {step['source']})"
    for window in record["secured"]:
        for key, text in _EVIDENCE.items():
            if window[key] is not None:
                yield window[key], text + (", fenced" if key == "agent_leg_at" and window["fence"] else "")
    for charge in record["charges"]:
        yield (
            charge["asked_at"],
            f"charge of {charge['minor']} {charge['currency']} (minor units) by {charge['by']}",
        )
        if charge["settled_at"] is not None:
            yield (
                charge["settled_at"],
                f"charge {charge['outcome']} {charge.get('authorisation_code', '')}".rstrip(),
            )


_EVIDENCE = {
    "hold_at": "evidence: hold is on",
    "partner_at": "evidence: partner says secured",
    "customer_leg_at": "evidence: customer leg at the partner",
    "agent_leg_at": "evidence: agent leg at the partner",
    "hold_expired_at": "a hold expired",
}


def _time(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
