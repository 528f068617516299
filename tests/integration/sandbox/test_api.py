"""The REST API's manners, and its webhooks' persistence, on the running partner."""

from __future__ import annotations

import signal
import time

import httpx2
import pytest

from tests.integration.sandbox.rig import PARTNER, Rig

pytestmark = pytest.mark.integration

URL = f"http://{PARTNER}:8030"


def test_who_may_call(rig: Rig) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}):
        answer = httpx2.get(f"{URL}/v1/session", headers=headers, trust_env=False)
        assert (answer.status_code, answer.json()["error"]) == (401, "unauthorised")
    assert httpx2.get(f"{URL}/healthz", trust_env=False).status_code == 200


def test_an_unknown_token(rig: Rig) -> None:
    assert rig.post("/v1/session/secure", {}, token="nobody").json()["error"] == "unknown_token"
    assert rig.get("/v1/session", token="nobody").status_code == 404


def test_every_post_needs_a_key(rig: Rig) -> None:
    headers = {name: value for name, value in rig.headers("x", "").items() if name != "idempotency-key"}
    answer = httpx2.post(f"{URL}/v1/session/secure", json={}, headers=headers, trust_env=False)
    assert (answer.status_code, answer.json()["error"]) == (400, "missing_idempotency_key")


def test_a_key_answers_as_before_also_a_refusal(rig: Rig) -> None:
    call = rig.call()
    body = {"fields": ["expiry"]}
    first = call.post("capture", body, key="early")
    assert (first.status_code, first.json()["state"]) == (409, "home")
    call.secure()
    assert call.post("capture", body, key="early").json() == first.json()
    assert call.post("capture", body, key="later").status_code == 202
    call.hang_up()


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("capture", {"fields": []}),
        ("capture", {"fields": ["card_number", "card_number"]}),
        ("capture", {"fields": ["4242424242424242"]}),
        ("capture", {"fields": ["card_number"], "stored_card": "stored-visa-4242"}),
        ("charge", {"amount": 0, "currency": "GBP", "reference": "x"}),
        ("charge", {"amount": 42.5, "currency": "GBP", "reference": "x"}),
        ("charge", {"amount": 1, "currency": "pounds", "reference": "x"}),
        ("secure", {"now": True}),
        ("reset", {"field": "name"}),
    ],
)
def test_a_wrong_body_is_named_and_not_repeated(rig: Rig, verb: str, body: dict[str, object]) -> None:
    call = rig.call()
    call.secure()
    answer = call.post(verb, body)
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_body")
    assert "4242424242424242" not in answer.text
    call.hang_up()


def test_resetting_a_field_that_was_not_asked_for(rig: Rig) -> None:
    call = rig.call()
    call.secure()
    call.post("capture", {"fields": ["expiry"]})
    assert call.post("reset", {"field": "card_number"}).json()["error"] == "unknown_field"
    assert call.post("reset", {"field": None}).status_code == 202
    assert call.wait("capture.field_reset")["by"] == "agent"
    assert call.post("cancel-capture").status_code == 202
    assert call.wait("capture.cancelled")["by"] == "agent"
    assert call.state() == "secured"
    call.hang_up()


def test_what_the_session_shows(rig: Rig) -> None:
    call = rig.call()
    call.secure()
    call.post("capture", {"fields": ["card_number", "expiry"]})
    call.customer_voice.press("42")
    call.wait("capture.digit", 2)
    assert rig.get("/v1/session", token=call.token).json()["fields"][0] == {
        "name": "card_number",
        "state": "active",
        "count": 2,
        "min": 16,
        "max": 16,
        "brand": "visa",
        "masked": None,
        "reason": None,
    }
    call.hang_up()


def test_webhooks_come_in_order_whatever_the_desk_does(rig: Rig) -> None:
    call = rig.call()
    rig.desk.refuse = 3
    call.secure()
    call.post("capture", {"fields": ["expiry"]})
    call.customer_voice.press("12")
    call.wait("capture.digit", 2)
    call.hang_up()
    call.wait("session.ended")
    numbers = [event["data"]["seq"] for event in rig.desk.events if event["data"]["session"] == call.session]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_forged_webhook_is_one(rig: Rig) -> None:
    before = rig.desk.forged
    rig.switch(forge_webhook={"type": "session.secured", "session": "0" * 32})
    assert rig.desk.forged == before + 1


def test_no_webhooks(rig: Rig) -> None:
    rig.switch(no_webhooks=True)
    call = rig.call()
    call.hang_up()
    time.sleep(0.3)
    assert rig.desk.types(call.session) == []


def test_requests_that_are_never_answered(rig: Rig) -> None:
    rig.switch(drop_rest=True)
    with pytest.raises(httpx2.TimeoutException):
        httpx2.get(f"{URL}/v1/session", headers=rig.headers("x", "k"), timeout=0.4, trust_env=False)
    rig.switch(drop_rest=False)
    assert rig.get("/v1/session", token="x").status_code == 404


@pytest.mark.parametrize("wrong", [{"mask": "perhaps"}, {"api_key": "x"}, {"unknown": 1}, [1]])
def test_faults_are_checked_and_show_no_secret(rig: Rig, wrong: object) -> None:
    before = rig.get("/faults")
    assert "key" not in before.text
    assert rig.post("/faults", wrong).status_code == 422
    assert rig.get("/faults").json() == before.json()


def test_it_hangs_up_and_ends_in_time(rig: Rig) -> None:
    call = rig.call()
    assert rig.partner.process is not None
    started = time.monotonic()
    rig.partner.process.send_signal(signal.SIGTERM)
    for dialog in (call.customer, call.agent):
        dialog.reply(dialog.incoming("BYE"), 200)
    assert rig.partner.process.wait(5) == 0
    assert time.monotonic() - started < 3.0
    rig.partner.restart()
