"""CALL as the contract has it: these keys, and nothing from inside."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callseal.desk.view import card
from callseal.payments.money import Money
from callseal.payments.names import (
    Brand,
    FieldName,
    FieldState,
    Leg,
    Outcome,
    PartnerMode,
    PaymentsOff,
    Place,
    State,
)
from callseal.payments.session import Capture, Charge, FieldProgress, LegView, Result, Session
from callseal.payments.session_table import DEADLINES
from tests.support.fresh_session import FRESH

pytestmark = pytest.mark.unit

CONTRACT = Path(__file__).parents[3] / "docs/reference/interfaces.md"
THERE = LegView(Place.PARTNER, Place.PARTNER)
SESSION = replace(
    FRESH, node="node-inside", customer_call_id="c-inside", agent_call_id="a-inside", started_at=5
)


def as_json(session: Session) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(json.dumps(card(session)))
    return loaded


def contract_keys() -> set[str]:
    text = CONTRACT.read_text(encoding="utf-8")
    block = text[text.index('{"reference": "…", "version": 12') :]
    block = block[: block.index("```")]
    flat = re.sub(r"\{[^{}]*\}", "X", re.sub(r"\[[^\[\]]*\]", "X", block[1:]))
    return set(re.findall(r'"(\w+)":', flat))


def test_the_keys_are_those_of_the_contract() -> None:
    assert set(as_json(SESSION)) == contract_keys()


def test_nothing_from_inside_is_shown() -> None:
    text = json.dumps(card(SESSION))
    for inside in ("inside", "f" * 32, "edge-1"):
        assert inside not in text


def test_a_call_in_capture() -> None:
    row = FieldProgress(
        FieldName.CARD_NUMBER, FieldState.ACTIVE, 12, shortest=16, longest=16, brand=Brand.VISA, last4="4242"
    )
    session = replace(
        SESSION,
        state=State.CAPTURING,
        partner=PartnerMode.SECURED,
        customer=THERE,
        agent=THERE,
        fenced=True,
        deadline_at=99,
        notice="field_timed_out",
        capture=Capture((row,), 1, 1),
    )
    shown = as_json(session)
    assert shown["fields"] == [
        {
            "name": "card_number",
            "state": "active",
            "count": 12,
            "min": 16,
            "max": 16,
            "brand": "visa",
            "masked": "",
            "reason": None,
        }
    ]
    assert shown["allowed"] == ["reset", "cancel"]
    assert shown["evidence"] == {"partner": True, "customer_leg": True, "agent_leg": True, "fence": True}
    assert (shown["deadline_at"], shown["deadline_reason"]) == (99, DEADLINES[State.CAPTURING].reason)
    assert set(shown["notice"]) == {"kind", "code", "text", "advice"}
    assert session.leg(Leg.AGENT) is THERE


def test_money_and_result() -> None:
    charge = Charge("k", Money(4250, "GBP"), 1)
    result = Result(Outcome.APPROVED, "A1", Brand.VISA, "4242", psp_reference="psp-1")
    shown = as_json(replace(SESSION, state=State.APPROVED, charge=charge, result=result))
    assert shown["amount"] == {"minor": 4250, "currency": "GBP"}
    assert shown["result"] == {
        "outcome": "approved",
        "authorisation_code": "A1",
        "brand": "visa",
        "last4": "4242",
        "reason": None,
    }


def test_no_deadline_is_shown_that_means_nothing_to_an_agent() -> None:
    assert as_json(replace(SESSION, state=State.READY, deadline_at=99))["deadline_at"] is None
    assert as_json(replace(SESSION, state=State.ENDED))["deadline_reason"] is None


def test_payments_off() -> None:
    shown = as_json(replace(SESSION, state=State.READY, payments_off=PaymentsOff.NO_TOKEN))
    assert shown["payments"] == {"allowed": False, "reason": "no_token"}
    assert shown["allowed"] == []
