"""Every request of the client, and what each answer means."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest

from callseal.partners.sandbox import SandboxPartner, SandboxSettings, translate
from callseal.payments import events as ev
from callseal.payments.money import Money
from callseal.payments.names import FieldName
from callseal.payments.ports import Refused, Unreachable, WebhookRejected
from tests.support.http_double import NO_ANSWER, NOT_SENT, HttpDouble
from tests.support.partner_contract import check_request, contract

pytestmark = pytest.mark.unit

TOKEN = "tok-secret"
SETTINGS = SandboxSettings("http://partner.test", "api-key", ("whsec_c2VjcmV0",))
Work = Callable[[SandboxPartner], Awaitable[Any]]


def ask(work: Work, answer: httpx2.Response | Exception) -> tuple[Any, list[httpx2.Request]]:
    seen: list[httpx2.Request] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def go() -> Any:
        return await work(SandboxPartner(SETTINGS, HttpDouble(handler)))

    return asyncio.run(go()), seen


OK = httpx2.Response(202, json={"session": "x"})
CASES: list[tuple[str, Work, dict[str, Any]]] = [
    ("secure", lambda p: p.secure(TOKEN, "k"), {}),
    (
        "capture",
        lambda p: p.capture(TOKEN, "k", (FieldName.CARD_NUMBER, FieldName.POSTAL_CODE), None),
        {"fields": ["card_number", "postal_code"], "stored_card": None, "postal_code_min": 5},
    ),
    (
        "capture",
        lambda p: p.capture(TOKEN, "k", (FieldName.SECURITY_CODE,), "card-1"),
        {"fields": ["security_code"], "stored_card": "card-1"},
    ),
    ("reset", lambda p: p.reset(TOKEN, "k", FieldName.EXPIRY), {"field": "expiry"}),
    ("reset", lambda p: p.reset(TOKEN, "k", None), {"field": None}),
    ("cancel-capture", lambda p: p.cancel_capture(TOKEN, "k"), {}),
    (
        "charge",
        lambda p: p.charge(TOKEN, "k", Money(4250, "GBP"), "ref"),
        {"amount": 4250, "currency": "GBP", "reference": "ref"},
    ),
    ("release", lambda p: p.release(TOKEN, "k"), {}),
]


@pytest.mark.parametrize(
    ("verb", "work", "body"), CASES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_requests(verb: str, work: Work, body: dict[str, Any]) -> None:
    _, (request,) = ask(work, OK)
    assert (request.method, str(request.url)) == ("POST", f"http://partner.test/v1/session/{verb}")
    assert json.loads(request.content) == body
    check_request("POST", f"/v1/session/{verb}", request.headers, body)
    assert request.headers["session-token"] == TOKEN
    assert request.headers["idempotency-key"] == "k"
    assert request.headers["authorization"] == "Bearer api-key"


def test_asking_about_a_charge_needs_no_token() -> None:
    answer = httpx2.Response(200, json={"status": "approved", "authorisation_code": "A1"})
    event, (request,) = ask(lambda p: p.ask_charge("a/../b"), answer)
    assert event == ev.ChargeApproved("a/../b", "A1")
    assert request.url.raw_path == b"/v1/charges/a%2F..%2Fb"
    assert "session-token" not in request.headers
    check_request("GET", "/v1/charges/k", request.headers, None)
    event, _ = ask(lambda p: p.ask_charge("k"), httpx2.Response(404, json={"error": "unknown_charge"}))
    assert event == ev.ChargeNotSeen("k")
    with pytest.raises(Refused):
        ask(lambda p: p.ask_charge("k"), httpx2.Response(401, json={}))


@pytest.mark.parametrize(
    ("answer", "sent"),
    [
        (NOT_SENT, False),
        (NO_ANSWER, True),
        (httpx2.Response(500), True),
        (httpx2.Response(503), True),
        (httpx2.Response(429), True),
        (httpx2.Response(307, headers={"location": "http://elsewhere.test/"}), True),
    ],
)
def test_no_clear_answer(answer: httpx2.Response | Exception, sent: bool) -> None:
    with pytest.raises(Unreachable) as caught:
        ask(lambda p: p.secure(TOKEN, "k"), answer)
    assert caught.value.sent is sent
    assert TOKEN not in repr(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx2.Response(409, json={"error": "wrong_state"}), "wrong_state"),
        (httpx2.Response(404, json={"error": "4111111111111111 and more"}), "refused"),
        (httpx2.Response(400, text="no json"), "refused"),
        (httpx2.Response(422, json=["x"]), "refused"),
    ],
)
def test_refusals(answer: httpx2.Response, code: str) -> None:
    with pytest.raises(Refused) as caught:
        ask(lambda p: p.secure(TOKEN, "k"), answer)
    assert (caught.value.status, caught.value.code) == (answer.status_code, code)


def test_the_public_name_does_not_give_the_token_away() -> None:
    name, _ = ask(lambda p: _later(p.session_name(TOKEN)), OK)
    assert len(name) == 32
    assert TOKEN not in name
    assert TOKEN not in repr(SETTINGS)
    assert "api-key" not in repr(SETTINGS)
    assert "whsec" not in repr(SETTINGS)


async def _later(value: str) -> str:
    return value


def test_a_webhook_is_verified_before_it_is_read() -> None:
    with pytest.raises(WebhookRejected, match="headers"):
        ask(_read, OK)


async def _read(partner: SandboxPartner) -> Any:
    return partner.read_webhook({}, b"not json", 0)


def test_every_webhook_of_the_contract_is_translated_and_no_other() -> None:
    assert set(translate._EVENTS) == set(contract()["webhooks"])
