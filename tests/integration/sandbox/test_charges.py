"""From the keyed card to the PSP's answer, and what is left when no answer comes."""

from __future__ import annotations

import time

import pytest

from tests.integration.sandbox.rig import LiveCall, Rig

pytestmark = pytest.mark.integration

SALE = {"amount": 4250, "currency": "GBP", "reference": "order-1"}


@pytest.fixture
def call(rig: Rig) -> LiveCall:
    rig.switch(prompts=False)
    call = rig.call()
    call.secure()
    return call


def keyed(call: LiveCall, number: str, code: str = "123") -> None:
    before = call.rig.desk.types(call.session).count("capture.completed")
    assert call.post("capture", {"fields": ["card_number", "expiry", "security_code"]}).status_code == 202
    for key in number + "1230" + code:
        cseq = call.customer.request("INFO", body=key, content_type="application/dtmf")
        assert call.customer.answered(cseq, "INFO").status == 200
    call.wait("capture.completed", before + 1)


def test_declined_then_approved_with_another_card(call: LiveCall) -> None:
    keyed(call, "4000000000009995")
    first = call.post("charge", SALE).json()["charge"]
    assert call.wait("charge.declined") | {"seq": 0} == {
        "session": call.session,
        "seq": 0,
        "charge": first,
        "reason": "insufficient_funds",
    }
    assert call.state() == "secured"
    assert call.post("charge", SALE).status_code == 409  # the card is forgotten
    keyed(call, "378282246310005", "1234")
    second = call.post("charge", SALE).json()["charge"]
    approved = call.wait("charge.approved")
    assert (approved["charge"], approved["amount"], approved["brand"], approved["last4"]) == (
        second,
        4250,
        "amex",
        "0005",
    )
    assert (
        call.rig.get(f"/v1/charges/{second}").json()["authorisation_code"] == approved["authorisation_code"]
    )
    assert call.rig.get(f"/v1/charges/{first}").json()["reason"] == "insufficient_funds"
    call.release()
    call.hang_up()


def test_the_answer_is_lost_and_asked_for(call: LiveCall) -> None:
    keyed(call, "4000000000000259")
    charge = call.post("charge", SALE, key="lost-1").json()["charge"]
    assert call.rig.get(f"/v1/charges/{charge}").json()["status"] == "pending"
    call.wait("charge.unknown")
    found = call.rig.get(f"/v1/charges/{charge}").json()
    assert (found["status"], found["amount"], found["last4"]) == ("approved", 4250, "0259")
    call.hang_up()


def test_the_request_is_lost_and_stays_unknown(call: LiveCall) -> None:
    keyed(call, "4000000000000341")
    charge = call.post("charge", SALE).json()["charge"]
    call.wait("charge.unknown")
    assert call.rig.get(f"/v1/charges/{charge}").json()["status"] == "unknown"
    call.hang_up()


def test_a_server_error_is_unknown_too(call: LiveCall) -> None:
    keyed(call, "4000000000000119")
    call.post("charge", SALE)
    call.wait("charge.unknown")
    call.hang_up()


def test_a_hang_up_does_not_lose_the_result(call: LiveCall) -> None:
    keyed(call, "4242424242424242")
    charge = call.post("charge", SALE).json()["charge"]
    call.hang_up()
    assert call.wait("charge.approved")["charge"] == charge
    assert call.rig.get(f"/v1/charges/{charge}").json()["status"] == "approved"


def test_a_stored_card(call: LiveCall) -> None:
    body = {"fields": ["security_code"], "stored_card": "stored-amex-0005"}
    assert call.post("capture", body).status_code == 202
    call.wait("capture.started")
    for key in "1234":
        call.customer.answered(
            call.customer.request("INFO", body=key, content_type="application/dtmf"), "INFO"
        )
    call.wait("capture.completed")
    call.post("charge", SALE)
    assert call.wait("charge.approved")["last4"] == "0005"
    unknown = call.post("capture", {**body, "stored_card": "nobody"})
    assert (unknown.status_code, unknown.json()["error"]) == (422, "unknown_stored_card")
    call.hang_up()


def test_the_same_key_twice(call: LiveCall) -> None:
    keyed(call, "4242424242424242")
    key = f"twice-{time.monotonic_ns()}"
    first = call.post("charge", SALE, key=key)
    again = call.post("charge", SALE, key=key)
    assert (first.status_code, first.json()) == (again.status_code, again.json()) == (202, {"charge": key})
    other = call.post("charge", {**SALE, "amount": 1}, key=key)
    assert (other.status_code, other.json()["error"]) == (409, "idempotency_conflict")
    call.wait("charge.approved")
    assert call.rig.desk.types(call.session).count("charge.approved") == 1
    call.hang_up()


def test_a_charge_never_seen(rig: Rig) -> None:
    assert rig.get("/v1/charges/never").json()["error"] == "unknown_charge"
