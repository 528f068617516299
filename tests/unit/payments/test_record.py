"""The call record, folded from a history."""

from __future__ import annotations

from typing import Any

import pytest

from callseal.payments.record import RecordHead, call_record

pytestmark = pytest.mark.unit

HEAD = RecordHead("ab" * 16, "acme", 1_000, "in", "edge-1", "1", "local", "c@x", "a@x", "f" * 32)


def row(
    at: int, name: str, before: str, after: str, source: str = "edge:edge-1", **body: Any
) -> dict[str, Any]:
    return {"at": at, "source": source, "name": name, "before": before, "after": after, **body}


HISTORY = [
    row(1_000, "handed_off", "", "offered", "edge"),
    row(1_010, "annotated", "offered", "ready", "platform"),
    row(2_000, "secure_pressed", "ready", "securing", "agent:alice"),
    row(2_005, "hold_confirmed", "securing", "securing"),
    row(2_050, "partner_secured", "securing", "securing", "partner"),
    row(2_060, "leg_moved", "securing", "securing", leg="agent", where="partner", fenced=True),
    row(2_070, "leg_moved", "securing", "secured", leg="customer", where="partner", fenced=False),
    row(3_000, "capture_pressed", "secured", "capturing", "agent:alice"),
    row(9_000, "capture_completed", "capturing", "captured", "partner"),
    row(
        9_500,
        "charge_pressed",
        "captured",
        "authorising",
        "agent:alice",
        amount={"minor": 4250, "currency": "GBP"},
    ),
    row(9_900, "charge_declined", "authorising", "secured", "partner", charge="k1", reason="generic"),
    row(
        10_500,
        "charge_pressed",
        "captured",
        "authorising",
        "agent:alice",
        amount={"minor": 4250, "currency": "GBP"},
    ),
    row(10_600, "charge_unclear", "authorising", "outcome_unknown", "desk", charge="k2", reason="timeout"),
    row(
        10_900,
        "charge_approved",
        "outcome_unknown",
        "approved",
        "partner",
        charge="k2",
        authorisation_code="A1B2",
    ),
    row(11_000, "release_pressed", "approved", "restoring", "agent:alice"),
    row(11_050, "leg_moved", "restoring", "ready", leg="customer", where="home"),
    row(20_000, "secure_pressed", "ready", "securing", "agent:bob"),
    row(23_000, "deadline", "securing", "restoring", "clock"),
    row(25_000, "call_ended", "restoring", "ended"),
]


def test_windows_say_who_when_and_on_what_evidence() -> None:
    first, second = call_record(HEAD, {}, HISTORY)["secured"]
    assert first == {
        "pressed_at": 2_000, "by": "alice", "hold_at": 2_005, "partner_at": 2_050, "customer_leg_at": 2_070,
        "agent_leg_at": 2_060, "fence": True, "secured_at": 2_070, "left_at": 11_000, "left_on": "release_pressed",
        "home_at": 11_050, "hold_expired_at": None,
    }  # fmt: skip
    assert (second["by"], second["secured_at"], second["fence"], second["home_at"]) == (
        "bob",
        None,
        False,
        None,
    )


def test_charges_end_with_what_is_known_last() -> None:
    declined, approved = call_record(HEAD, {}, HISTORY)["charges"]
    assert (declined["outcome"], declined["charge"]) == ("declined", "k1")
    assert (approved["outcome"], approved["authorisation_code"], approved["settled_at"]) == (
        "approved",
        "A1B2",
        10_900,
    )


def test_states_and_parties() -> None:
    record = call_record(HEAD, {"caller": "+4477", "called": None}, HISTORY)
    assert [step["state"] for step in record["states"]][:3] == ["offered", "ready", "securing"]
    assert (record["caller"], record["called"], record["ended_at"]) == ("+4477", None, 25_000)
    assert record["legs"] == {"customer": {"call_id": "c@x"}, "agent": {"call_id": "a@x"}}
    assert call_record(HEAD, {}, HISTORY[:3])["ended_at"] is None
