"""The simulator's API in this process: what it answers, and what it never says."""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import httpx2
import pytest

from callseal.observe.scrubber import is_card
from callseal.sandbox.psp import Charges, create_app

pytestmark = pytest.mark.unit

VISA, AMEX = "4242424242424242", "378282246310005"
TODAY = (2026, 11)
HARSH_MS = 60_000
"""A silence nobody waits for."""


def card(number: Any = VISA, **changes: Any) -> dict[str, Any]:
    return {"number": number, "expiry": "1230", "security_code": "123", **changes}


def body(number: str = VISA, **changes: Any) -> dict[str, Any]:
    return {"card": card(number), "amount": 4250, "currency": "GBP", "reference": "order-1", **changes}


class Psp:
    def __init__(self, http: httpx2.AsyncClient, charges: Charges) -> None:
        self.http = http
        self.charges = charges

    async def charge(self, content: Any, key: str = "key-1") -> httpx2.Response:
        return await self.http.post("/v1/charges", json=content, headers={"Idempotency-Key": key})

    async def ask(self, key: str = "key-1") -> httpx2.Response:
        return await self.http.get(f"/v1/charges/{key}")

    async def until(self, key: str, status: str) -> dict[str, Any]:
        deadline = time.monotonic() + 2
        while True:
            answer = await self.ask(key)
            if answer.status_code == 200 and answer.json()["status"] == status:
                return dict(answer.json())
            assert time.monotonic() < deadline, answer.text
            await asyncio.sleep(0.001)


def at_psp(story: Callable[[Psp], Awaitable[None]], *, answer_ms: int = 0, timeout_ms: int = 1) -> None:
    async def play() -> None:
        charges = Charges(secret=b"k" * 32, random=Random(1), answer_ms=answer_ms, timeout_ms=timeout_ms)
        transport = httpx2.ASGITransport(create_app(charges, lambda: TODAY))
        async with httpx2.AsyncClient(transport=transport, base_url="http://psp") as http:
            await story(Psp(http, charges))

    asyncio.run(play())


def test_approved() -> None:
    async def story(psp: Psp) -> None:
        answer = await psp.charge(body())
        assert answer.status_code == 200
        result = answer.json()
        assert sorted(result) == ["authorisation_code", "brand", "last4", "psp_reference", "status"]
        assert (result["status"], result["brand"], result["last4"]) == ("approved", "visa", "4242")
        assert len(result["authorisation_code"]) == 6
        assert result["authorisation_code"].isalnum()
        assert (await psp.ask()).json() == result

    at_psp(story)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (body("4000000000009995"), "insufficient_funds"),
        (body("4000000000006975"), "do_not_honour"),
        (body("4000000000000002"), "generic"),
        (body(card=card(expiry="1026")), "expired_card"),
        (body(card=card(security_code="1234")), "incorrect_cvc"),
        (body(AMEX), "incorrect_cvc"),
    ],
)
def test_declined(content: dict[str, Any], reason: str) -> None:
    async def story(psp: Psp) -> None:
        result = (await psp.charge(content)).json()
        assert (result["status"], result["reason"]) == ("declined", reason)
        assert "authorisation_code" not in result

    at_psp(story)


def test_the_month_of_expiry_is_still_good() -> None:
    async def story(psp: Psp) -> None:
        assert (await psp.charge(body(card=card(expiry="1126")))).json()["status"] == "approved"

    at_psp(story)


def test_the_same_key_and_body_replays_and_another_body_is_a_conflict() -> None:
    async def story(psp: Psp) -> None:
        first = await psp.charge(body())
        turned = dict(reversed(body().items()))
        assert (await psp.charge(turned)).json() == first.json()
        other = await psp.charge(body(amount=4251))
        assert (other.status_code, other.json()["error"]) == (409, "idempotency_conflict")
        other_card = await psp.charge(body("5555555555554444"))
        assert other_card.status_code == 409
        assert (await psp.charge(body(), "key-2")).json()["psp_reference"] != first.json()["psp_reference"]

    at_psp(story)


@pytest.mark.parametrize("key", ["", "with blank", "a/b", "x" * 129])
def test_no_charge_without_a_key(key: str) -> None:
    async def story(psp: Psp) -> None:
        answer = await psp.charge(body(), key)
        assert (answer.status_code, answer.json()["error"]) == (400, "missing_idempotency_key")

    at_psp(story)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (body("4000000000000010"), "not_a_test_card"),
        (body("4242424242424241"), "invalid_body"),
        (body(card=card(expiry="1330")), "invalid_body"),
        (body(card=card(number=int(VISA))), "invalid_body"),
        (body(card={"number": VISA}), "invalid_body"),
        (body(amount=0), "invalid_body"),
        (body(amount="4250"), "invalid_body"),
        (body(amount=True), "invalid_body"),
        (body(currency="gbp"), "invalid_body"),
        (body(reference=""), "invalid_body"),
        ({**body(), VISA: 1}, "invalid_body"),
        (body(stored_card="stored-visa-4242"), "invalid_body"),
        (body(security_code="123"), "invalid_body"),
        (body(card=None), "invalid_body"),
        (body(card=None, stored_card="stored-visa-1111"), "unknown_stored_card"),
        ([VISA], "invalid_body"),
    ],
)
def test_what_is_refused_is_not_repeated(
    content: Any, error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def story(psp: Psp) -> None:
        answer = await psp.charge(content)
        assert (answer.status_code, answer.json()["error"]) == (422, error)
        assert "4242" not in answer.text
        assert "1330" not in answer.text
        assert (await psp.ask()).status_code == 404

    at_psp(story)
    said = capsys.readouterr()
    assert "4242" not in said.out + said.err


def test_a_body_that_is_not_json() -> None:
    async def story(psp: Psp) -> None:
        answer = await psp.http.post("/v1/charges", content=VISA + "x", headers={"Idempotency-Key": "k"})
        assert answer.status_code == 422
        assert "4242" not in answer.text
        huge = await psp.http.post("/v1/charges", content=b"[" * 20_000, headers={"Idempotency-Key": "k"})
        assert huge.status_code == 413

    at_psp(story)


def test_a_stored_card_needs_no_number() -> None:
    async def story(psp: Psp) -> None:
        content = body(card=None, stored_card="stored-visa-4242", security_code="123")
        result = (await psp.charge(content)).json()
        assert (result["status"], result["brand"], result["last4"]) == ("approved", "visa", "4242")
        wrong = (await psp.charge({**content, "security_code": "1234"}, "key-2")).json()
        assert wrong["reason"] == "incorrect_cvc"
        ended = (await psp.charge({**content, "expiry": "1026"}, "key-3")).json()
        assert ended["reason"] == "expired_card"
        known = await psp.http.get("/v1/stored-cards/stored-amex-0005")
        assert known.json() == {"stored_card": "stored-amex-0005", "brand": "amex", "last4": "0005"}
        assert (await psp.http.get("/v1/stored-cards/other")).status_code == 404

    at_psp(story)


def test_pending_until_decided_and_a_second_request_gets_the_same() -> None:
    async def story(psp: Psp) -> None:
        first = asyncio.create_task(psp.charge(body()))
        assert await psp.until("key-1", "pending") == {"status": "pending"}
        second = asyncio.create_task(psp.charge(body()))
        third = await psp.charge(body(amount=1))
        assert third.status_code == 409
        psp.charges.close()
        assert (await first).json() == (await second).json()

    at_psp(story, answer_ms=HARSH_MS)


async def set_fault(psp: Psp, kind: str, times: int = 1) -> None:
    answer = await psp.http.post("/faults", json={"kind": kind, "times": times})
    assert answer.status_code == 200
    assert (await psp.http.get("/faults")).json() == answer.json()


def test_fault_server_error_charges_nothing() -> None:
    async def story(psp: Psp) -> None:
        await set_fault(psp, "server_error", 2)
        for _ in range(2):
            assert (await psp.charge(body())).status_code == 500
            assert (await psp.ask()).status_code == 404
        assert (await psp.charge(body())).status_code == 200

    at_psp(story)


def test_fault_request_lost_charges_nothing() -> None:
    async def story(psp: Psp) -> None:
        await set_fault(psp, "request_lost")
        assert (await psp.charge(body())).status_code == 504
        assert (await psp.ask()).status_code == 404

    at_psp(story)


@pytest.mark.parametrize("number", [VISA, "4000000000000259"])
def test_answer_lost_charges_and_a_question_tells(number: str) -> None:
    async def story(psp: Psp) -> None:
        if number == VISA:
            await set_fault(psp, "answer_lost")
        waiting = asyncio.create_task(psp.charge(body(number)))
        approved = await psp.until("key-1", "approved")
        assert not waiting.done()
        assert (await psp.charge(body(number))).json() == approved
        psp.charges.close()
        assert (await waiting).status_code == 504

    at_psp(story, timeout_ms=HARSH_MS)


def test_fault_timeout_is_pending_and_then_decided() -> None:
    async def story(psp: Psp) -> None:
        await set_fault(psp, "timeout")
        late = asyncio.create_task(psp.charge(body()))
        await psp.until("key-1", "pending")
        psp.charges.close()
        assert (await late).json() == await psp.until("key-1", "approved")

    at_psp(story, timeout_ms=HARSH_MS)


def test_a_refused_charge_does_not_use_up_a_fault_and_off_ends_it() -> None:
    async def story(psp: Psp) -> None:
        await set_fault(psp, "server_error")
        assert (await psp.charge(body("4000000000000010"))).status_code == 422
        assert (await psp.charge(body())).status_code == 500
        await set_fault(psp, "server_error", 5)
        await psp.http.post("/faults", json={"kind": "off"})
        assert (await psp.charge(body())).status_code == 200
        refused: list[dict[str, Any]] = [
            {"kind": "fire"},
            {"kind": "timeout", "times": 0},
            {"kind": {}},
            {"times": 1},
        ]
        for wrong in refused:
            assert (await psp.http.post("/faults", json=wrong)).status_code == 422

    at_psp(story)


def test_nothing_of_a_card_is_kept() -> None:
    async def story(psp: Psp) -> None:
        await psp.charge(body())
        await psp.charge(body("4000000000009995"), "key-2")
        gc.collect()
        kept = repr(vars(psp.charges))
        assert "'approved'" in repr([psp.charges.known("key-1")])
        assert VISA not in kept
        assert not any(is_card(word) for word in kept.replace("'", " ").split() if word.isdigit())

    at_psp(story)
