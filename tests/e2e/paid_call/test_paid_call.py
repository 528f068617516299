"""One payment from the first INVITE to the receipt, in every way a call can come about."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from callseal.lab.story import APPROVED, DECLINED, FIELDS, MISTYPED, TestCard
from tests.support.stage import Stage

pytestmark = pytest.mark.e2e

AMEX = TestCard("378282246310005", security_code="1234")


def _clean(stage: Stage) -> None:
    heard = stage.ear.heard("press", "restored")
    assert heard.listened, heard
    assert heard.clean, heard


@pytest.mark.parametrize("card", [APPROVED, AMEX], ids=["visa", "amex"])
def test_inbound_call_is_paid_and_the_agent_hears_no_key(stage: Stage, card: TestCard) -> None:
    call = stage.call()
    call.dial()
    stage.ear.mark("press")
    result = call.pay(card)["result"]
    stage.ear.mark("restored")
    assert result["outcome"] == "approved"
    assert result["last4"] == card.number[-4:]
    _clean(stage)
    call.hang_up()


def test_the_ear_hears_a_key_while_the_line_is_open(stage: Stage) -> None:
    call = stage.call()
    call.dial()
    stage.ear.mark("open")
    for method in ("rfc4733", "inband", "info"):
        stage.customer.press("7", method)
    stage.ear.mark("end")
    heard = stage.ear.heard("open", "end")
    assert heard.events == 1
    assert heard.tones == 1
    assert heard.infos == 0, "DTMF INFO never reaches the platform unless it opts in"
    call.hang_up()


def test_platform_gets_a_reference_and_never_the_token(stage: Stage) -> None:
    call = stage.call()
    call.dial()
    incoming = [event for event in stage.agent.events if event["event"] == "incoming"][-1]
    names = {name.lower() for name in incoming["headers"]}
    assert "x-payment-token" not in names
    assert "x-route-cookie" not in names
    assert incoming["headers"]["X-Call-Reference"] == call.reference
    call.hang_up()


def test_outbound_call_is_paid(open_stage: Callable[..., Stage]) -> None:
    stage = open_stage(customer={"auto_answer": True, "ring_ms": 200}, agent={"auto_answer": False})
    call = stage.call()
    call.dial_out()
    stage.ear.mark("press")
    assert call.pay()["result"]["outcome"] == "approved"
    stage.ear.mark("restored")
    _clean(stage)
    call.hang_up()


def test_mistyped_number_is_shown_and_typed_again(stage: Stage) -> None:
    call = stage.call()
    call.dial()
    stage.ear.mark("press")
    call.secure()
    call.ask()
    state = call.type("card_number", MISTYPED.number, until="invalid")
    field = next(field for field in state["fields"] if field["name"] == "card_number")
    assert field["reason"] == "luhn"
    stage.desk.press(call.reference, "reset", {"field": "card_number"})
    call.type_card(APPROVED)
    assert call.charge(1999)["result"]["outcome"] == "approved"
    call.release()
    stage.ear.mark("restored")
    _clean(stage)
    call.hang_up()


def test_declined_card_then_another_one(stage: Stage) -> None:
    call = stage.call()
    call.dial()
    stage.ear.mark("press")
    call.secure()
    call.ask()
    call.type_card(DECLINED)
    declined = call.charge(4250)
    assert (declined["state"], declined["result"]["outcome"]) == ("secured", "declined")
    assert declined["result"]["reason"] == "insufficient_funds"
    call.ask()
    call.type_card(APPROVED)
    stage.desk.press(call.reference, "charge", {"amount": 4250, "currency": "GBP"})
    assert stage.desk.wait_state(call.reference, "approved")["result"]["outcome"] == "approved"
    call.release()
    stage.ear.mark("restored")
    _clean(stage)
    call.hang_up()


def test_digits_by_info_are_captured_once(stage: Stage) -> None:
    call = stage.call("info")
    call.dial()
    stage.ear.mark("press")
    assert call.pay()["result"]["outcome"] == "approved"
    stage.ear.mark("restored")
    _clean(stage)
    call.hang_up()


def test_security_code_only_for_a_stored_card(stage: Stage) -> None:
    call = stage.call()
    call.dial()
    call.secure()
    stage.desk.press(
        call.reference, "capture", {"fields": ["security_code"], "stored_card": "stored-visa-4242"}
    )
    call.type("security_code", APPROVED.security_code)
    stage.desk.wait_state(call.reference, "captured")
    assert call.charge(500)["result"]["outcome"] == "approved"
    call.release()
    call.hang_up()


def test_two_payments_in_one_call(stage: Stage) -> None:
    call = stage.call()
    call.dial()
    for amount in (100, 200):
        assert call.pay(amount=amount)["result"]["outcome"] == "approved"
    call.hang_up()


def test_the_order_of_fields_is_the_agents(stage: Stage) -> None:
    call = stage.call()
    call.dial()
    call.secure()
    state = call.ask()
    assert [field["name"] for field in state["fields"]] == list(FIELDS)
    stage.desk.press(call.reference, "cancel")
    stage.desk.wait_state(call.reference, "ready")
    call.hang_up()


def test_late_offer_from_the_carrier(stage: Stage) -> None:
    call = stage.call()
    before = frozenset(row["reference"] for row in stage.desk.calls())
    stage.customer.call(f"sip:+442079460123@{stage.world.block.kamailio}", late_offer=True)
    stage.customer.wait("answered", timeout=10)
    call.reference = str(stage.desk.wait_call(not_in=before)["reference"])
    stage.desk.wait_state(call.reference, "ready")
    stage.ear.mark("press")
    assert call.pay()["result"]["outcome"] == "approved"
    stage.ear.mark("restored")
    _clean(stage)
    call.hang_up()


def test_secure_pressed_while_the_phone_still_rings(open_stage: Callable[..., Stage]) -> None:
    stage = open_stage(agent={"ring_ms": 800})
    call = stage.call()
    stage.customer.call(f"sip:+442079460123@{stage.world.block.kamailio}")
    call.reference = str(stage.desk.wait_call()["reference"])
    stage.desk.wait_state(call.reference, "ready")
    assert stage.customer.count("answered") == 0
    call.secure()
    call.release()
    call.hang_up()
