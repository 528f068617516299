"""The call record: one call with both its legs, told from what the desk wrote down while it happened. Pure.

It holds times, parties, states, who pressed, results and evidence; no digit of a card, because the history has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from callseal.payments.names import Event, State
from callseal.payments.session_table import COVERED

Row = Mapping[str, Any]
"""One line of a call's history: `at`, `source`, `name`, `before`, `after` and the event's own fields."""

_RESULTS = {
    Event.CHARGE_APPROVED: "approved",
    Event.CHARGE_DECLINED: "declined",
    Event.CHARGE_UNKNOWN: "unknown",
    Event.CHARGE_UNCLEAR: "unknown",
    Event.CHARGE_REFUSED: "refused",
}
_OF_A_RESULT = ("charge", "authorisation_code", "brand", "psp_reference", "reason")


@dataclass(frozen=True, slots=True)
class RecordHead:
    """What a call is from its hand-off on. Times are unix milliseconds."""

    reference: str
    tenant: str
    started_at: int
    direction: str
    edge: str
    node: str
    region: str
    customer_call_id: str
    agent_call_id: str
    partner_session: str | None = None
    payments_off: str | None = None
    partner: str = ""
    """The partner that has the call; "" where it went past, and in records of before there were several."""


def call_record(
    head: RecordHead, parties: Mapping[str, str | None], history: Sequence[Row]
) -> dict[str, Any]:
    """The record as JSON (docs/reference/interfaces.md, section 6). `parties`: caller and called while the session is kept."""
    ended = next((row["at"] for row in history if row["after"] == State.ENDED), None)
    return {
        "reference": head.reference,
        "tenant": head.tenant,
        "direction": head.direction,
        "caller": parties.get("caller"),
        "called": parties.get("called"),
        "started_at": head.started_at,
        "ended_at": ended,
        "edge": head.edge,
        "node": head.node,
        "region": head.region,
        "legs": {"customer": {"call_id": head.customer_call_id}, "agent": {"call_id": head.agent_call_id}},
        "partner": head.partner,
        "partner_session": head.partner_session,
        "payments": {"allowed": head.payments_off is None, "reason": head.payments_off},
        "secured": secured_windows(history),
        "charges": charges(history),
        "states": [
            {"at": row["at"], "state": row["after"], "on": row["name"], "source": row["source"]}
            for row in history
            if row["before"] != row["after"]
        ],
    }


def secured_windows(history: Sequence[Row]) -> list[dict[str, Any]]:
    """One entry a press of Secure: who, when, the evidence with its times, and how the call came home."""
    windows: list[dict[str, Any]] = []
    for row in history:
        if row["name"] == Event.SECURE_PRESSED and row["after"] == State.SECURING:
            windows.append(_pressed(row))
        if windows:
            _note(windows[-1], row)
    return windows


def _pressed(row: Row) -> dict[str, Any]:
    return {
        "pressed_at": row["at"],
        "by": _person(row),
        "hold_at": None,
        "partner_at": None,
        "customer_leg_at": None,
        "agent_leg_at": None,
        "fence": False,
        "secured_at": None,
        "left_at": None,
        "left_on": None,
        "home_at": None,
        "hold_expired_at": None,
    }


def _note(window: dict[str, Any], row: Row) -> None:
    at, name = row["at"], row["name"]
    if window["home_at"] is not None:
        return
    if window["secured_at"] is None:
        if name == Event.HOLD_CONFIRMED:
            window["hold_at"] = window["hold_at"] or at
        elif name == Event.PARTNER_SECURED:
            window["partner_at"] = at
        elif name == Event.LEG_MOVED and row.get("where") == "partner":
            window[f"{row['leg']}_leg_at"] = at
            if row["leg"] == "agent":
                window["fence"] = bool(row.get("fenced"))
    if name == Event.HOLD_EXPIRED:
        window["hold_expired_at"] = at
    covered = row["after"] in COVERED
    if covered and window["secured_at"] is None:
        window["secured_at"] = at
    if not covered and row["before"] in COVERED:
        window["left_at"], window["left_on"] = at, name
    if row["after"] in (State.READY, State.ENDED) and row["before"] != row["after"]:
        window["home_at"] = at if row["after"] == State.READY else None


def charges(history: Sequence[Row]) -> list[dict[str, Any]]:
    """Every wish for money with what became of it; `outcome` null while nobody knows."""
    found: list[dict[str, Any]] = []
    for row in history:
        if row["name"] == Event.CHARGE_PRESSED:
            amount = row["amount"]
            found.append(
                {"asked_at": row["at"], "by": _person(row), **amount, "outcome": None, "settled_at": None}
            )
        elif found and row["name"] in _RESULTS and found[-1]["outcome"] in (None, "unknown"):
            found[-1] |= {"outcome": _RESULTS[Event(row["name"])], "settled_at": row["at"]}
            found[-1] |= {key: row[key] for key in _OF_A_RESULT if row.get(key) is not None}
    return found


def _person(row: Row) -> str:
    return str(row["source"]).removeprefix("agent:")
