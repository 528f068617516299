"""An edge's report as our event: believed as far as it proves something."""

from __future__ import annotations

from typing import Any

import pytest

from callseal.desk.http.bodies import EdgeEventBody
from callseal.desk.http.edges import read
from callseal.payments import events as ev
from callseal.payments.names import Leg, Place

pytestmark = pytest.mark.unit

PROOF = {
    "status": 200,
    "acked": True,
    "packets": {"from_carrier": 20, "carrier_to_partner": 14},
    "fenced": None,
}


def report(kind: str, **more: Any) -> ev.Happening | None:
    body = {"event_id": "e", "edge": "edge-2", "at": 1, "reference": "0" * 32, "kind": kind} | more
    return read(EdgeEventBody.model_validate(body))


def test_a_move_with_proof() -> None:
    moved = report("leg_moved", leg="customer", where="partner", evidence=PROOF)
    assert moved == ev.LegMoved(Leg.CUSTOMER, Place.PARTNER, edge="edge-2")
    moved = report("leg_moved", leg="agent", where="partner", evidence=PROOF | {"fenced": True})
    assert moved == ev.LegMoved(Leg.AGENT, Place.PARTNER, fenced=True, edge="edge-2")


def test_a_move_says_after_which_hold() -> None:
    moved = report("leg_moved", leg="customer", where="partner", evidence=PROOF, hold=7)
    assert moved == ev.LegMoved(Leg.CUSTOMER, Place.PARTNER, edge="edge-2", hold=7)


@pytest.mark.parametrize(
    "missing",
    [
        {"status": None},
        {"status": 488},
        {"acked": False},
        {"acked": None},
        {"packets": {}},
        {"packets": {"a": 0}},
    ],
)
def test_a_move_without_proof_is_no_evidence(missing: dict[str, Any]) -> None:
    moved = report("leg_moved", leg="customer", where="partner", evidence=PROOF | missing)
    assert isinstance(moved, ev.LegMoved)
    assert not moved.proved


def test_home_is_proved_by_its_ack() -> None:
    moved = report("leg_moved", leg="agent", where="home", evidence=PROOF | {"packets": {}})
    assert moved == ev.LegMoved(Leg.AGENT, Place.HOME, edge="edge-2")
    moved = report("leg_moved", leg="agent", where="platform", evidence=PROOF)
    assert isinstance(moved, ev.LegMoved)
    assert moved.where is Place.HOME


@pytest.mark.parametrize("where", [None, "", "moon"])
def test_a_place_nobody_knows_is_unknown(where: str | None) -> None:
    moved = report("leg_moved", leg="agent", where=where, evidence=PROOF)
    assert isinstance(moved, ev.LegMoved)
    assert moved.where is Place.UNKNOWN


@pytest.mark.parametrize("fenced", [None, False])
def test_a_fence_must_be_said(fenced: bool | None) -> None:
    moved = report("leg_moved", leg="agent", where="partner", evidence=PROOF | {"fenced": fenced})
    assert isinstance(moved, ev.LegMoved)
    assert not moved.fenced


def test_the_other_kinds() -> None:
    assert report("leg_refused", leg="agent", evidence={"status": 488}) == ev.LegRefused(
        Leg.AGENT, 488, "edge-2"
    )
    assert report("leg_refused", leg="agent") == ev.LegRefused(Leg.AGENT, 0, "edge-2")
    assert report("leg_undone", leg="customer") == ev.LegUndone(Leg.CUSTOMER, "edge-2")
    assert report("media_silent", leg="customer") == ev.MediaSilent(Leg.CUSTOMER, "edge-2")
    assert report("hold_expired", leg="customer") == ev.HoldExpired()
    assert report("call_ended", leg="customer") == ev.CallEnded(Leg.CUSTOMER)
    assert report("call_ended") == ev.CallEnded(None)
    assert report("edge_lost") == ev.EdgeLost("reported")
    assert report("leg_moved") is None
    assert report("tea_ready", leg="agent") is None
