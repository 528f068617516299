"""Who may do what at the desk, and what everybody else is told."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from callseal.desk.http.shield import CSP, MAX_BODY
from callseal.payments.ports import StoreUnavailable
from tests.support.desk_places import DESK_URL, PASSWORDS
from tests.support.desk_world import Card

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

FIELDS = {"fields": ["card_number"]}


async def test_nothing_without_a_login(here: Any) -> None:
    reference, _ = await here.offer()
    for path in ("/v1/calls", f"/v1/calls/{reference}", "/v1/events", "/v1/me"):
        answer = await here.http.get(DESK_URL + path)
        assert (answer.status_code, answer.json()["error"]) == (401, "unauthorised"), path
    answer = await here.http.post(f"{DESK_URL}/v1/calls/{reference}/secure", json={})
    assert answer.status_code == 401
    for path in ("/", "/demo?key=guess"):
        answer = await here.http.get(DESK_URL + path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")


async def test_the_other_tenant_sees_nothing(here: Any) -> None:
    reference, _ = await here.offer()
    bob = await here.card("bob")
    assert (await bob.http.get("/v1/calls")).json() == []
    for answer in (await bob.http.get(f"/v1/calls/{reference}"), await bob.press(reference, "secure")):
        assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
        assert set(answer.json()) == {"error", "message", "advice"}
        assert "+447700900123" not in answer.text
    answer = await bob.press("0" * 32, "secure")
    assert (answer.status_code, answer.json()["error"]) == (404, "unknown_call")
    assert (await (await here.card()).call(reference))["state"] in ("offered", "ready")


async def test_the_cookie_and_the_page(here: Any) -> None:
    answer = await here.http.post(
        f"{DESK_URL}/v1/login", data={"username": "alice", "password": PASSWORDS["alice"]}
    )
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    card = await here.card()
    me = (await card.http.get("/v1/me")).json()
    assert me == {"agent": "Alice Okafor", "tenant": "acme", "csrf": card.csrf}
    for path, kind in (
        ("/", "text/html"),
        ("/login", "text/html"),
        ("/static/payment-card.js", "text/javascript"),
    ):
        answer = await card.http.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["content-security-policy"] == CSP
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-cache"
    assert (await card.http.get("/static/../app.py")).status_code == 404
    assert (await card.http.get("/v1/calls")).headers["cache-control"] == "no-store"


async def test_logout_ends_the_session_and_its_streams(here: Any) -> None:
    card = await here.card()
    async with card.http.stream("GET", "/v1/events") as stream:
        lines = stream.aiter_lines()
        assert await anext(lines) == "retry: 1000"
        out = await card.http.post("/v1/logout", headers={"X-CSRF-Token": card.csrf})
        assert out.status_code == 204
        async with asyncio.timeout(5):
            async for _ in lines:
                pass
    assert (await card.http.get("/v1/me")).status_code == 401


async def test_a_press_needs_the_pages_own_token_and_a_key(here: Any) -> None:
    card = await here.card()
    reference, _ = await here.offer()
    await card.state(reference, "ready")
    other = Card(card.http, "0" * 64)
    answer = await other.press(reference, "secure")
    assert (answer.status_code, answer.json()["error"]) == (403, "csrf")
    answer = await card.http.post(
        f"/v1/calls/{reference}/secure", json={}, headers={"X-CSRF-Token": card.csrf}
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "missing_idempotency_key")
    assert here.edge.verbs() == []


async def test_wrong_passwords_are_counted(here: Any) -> None:
    async def login(name: str, password: str) -> httpx2.Response:
        return await here.http.post(f"{DESK_URL}/v1/login", data={"username": name, "password": password})  # type: ignore[no-any-return]

    answers = [await login("alice", f"wrong {number}") for number in range(10)]
    assert {answer.status_code for answer in answers} == {401}
    assert (await login("nobody", "x")).json() == answers[0].json(), (
        "an unknown name looks like a wrong password"
    )
    locked = await login("alice", PASSWORDS["alice"])
    assert (locked.status_code, locked.json()["error"]) == (429, "too_many_logins")
    assert int(locked.headers["retry-after"]) > 1000
    assert (await login("bob", PASSWORDS["bob"])).status_code == 200


async def test_another_site_cannot_log_a_browser_in(here: Any) -> None:
    form = {"username": "alice", "password": PASSWORDS["alice"]}
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)):
        answer = await here.http.post(f"{DESK_URL}/v1/login", data=form, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == status, site


async def test_a_demo_key_logs_in_once(here: Any) -> None:
    key = here.context.logins.make_demo_key("alice")
    async with httpx2.AsyncClient(base_url=DESK_URL, trust_env=False) as browser:
        answer = await browser.get(f"/demo?key={key}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert (await browser.get("/v1/me")).json()["agent"] == "Alice Okafor"
        answer = await browser.get(f"/demo?key={key}")
        assert answer.headers["location"] == "/", "its own browser opens it again"
    async with httpx2.AsyncClient(base_url=DESK_URL, trust_env=False) as other:
        answer = await other.get(f"/demo?key={key}")
        assert answer.headers["location"] == "/login"
        assert (await other.get("/v1/me")).status_code == 401


@pytest.mark.parametrize(
    ("action", "body", "status", "error"),
    [
        ("charge", {"amount": 0, "currency": "GBP"}, 422, "invalid_body"),
        ("charge", {"amount": 42.5, "currency": "GBP"}, 422, "invalid_body"),
        ("charge", {"amount": "4250", "currency": "GBP"}, 422, "invalid_body"),
        ("charge", {"amount": 4250, "currency": "JPY"}, 422, "currency_refused"),
        ("charge", {"amount": 4250, "currency": "GBP", "card": "x"}, 422, "invalid_body"),
        ("charge", {"amount": 4250, "currency": "GBP"}, 409, "wrong_state"),
        ("capture", {"fields": []}, 422, "invalid_body"),
        ("capture", {"fields": ["card_number", "card_number"]}, 422, "invalid_body"),
        ("capture", {"fields": ["shoe_size"]}, 422, "invalid_body"),
        ("capture", {"fields": ["security_code"], "stored_card": "4111111111111111"}, 422, "invalid_body"),
        ("capture", {"fields": ["card_number"], "stored_card": "card-1"}, 422, "invalid_body"),
        ("capture", {"fields": ["security_code"], "stored_card": "card-1"}, 409, "wrong_state"),
        ("capture", {"fields": ["card_number"]}, 409, "wrong_state"),
        ("reset", {"field": "nothing"}, 422, "invalid_body"),
        ("release", {}, 409, "wrong_state"),
        ("cancel", {"x": 1}, 422, "invalid_body"),
    ],
)
async def test_bad_presses_have_a_name_and_repeat_nothing(
    here: Any, action: str, body: dict[str, Any], status: int, error: str
) -> None:
    card = await here.card()
    reference, _ = await here.offer()
    await card.state(reference, "ready")
    answer = await card.press(reference, action, body)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert set(answer.json()) == {"error", "message", "advice"}
    assert "4111" not in answer.text
    assert "shoe_size" not in answer.text


async def test_a_refusal_is_said_again_under_the_same_key(here: Any) -> None:
    card = await here.card()
    reference, _ = await here.offer()
    await card.state(reference, "ready")
    first = await card.press(reference, "capture", FIELDS, key="k")
    again = await card.press(reference, "capture", FIELDS, key="k")
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    bob_key = await (await here.card("bob")).press(reference, "capture", FIELDS, key="k")
    assert bob_key.status_code == 403, "keys of others answer nothing"


async def test_a_body_has_a_limit(here: Any) -> None:
    card = await here.card()
    big = json.dumps({"fields": ["x" * MAX_BODY]})
    answer = await card.http.post(f"/v1/calls/{'0' * 32}/capture", content=big)
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")

    async def pieces() -> Any:
        for _ in range(MAX_BODY // 8192 + 2):
            yield b"x" * 8192

    answer = await card.http.post("/v1/login", content=pieces())
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")


async def test_a_hand_off_delivered_twice_is_one_call(here: Any) -> None:
    reference, token = await here.offer()
    card = await here.card()
    await card.state(reference, "ready")
    version = (await card.call(reference))["version"]
    assert (await here.edge.hand_off(reference, token)).status_code == 204
    assert (await card.call(reference))["version"] == version
    assert len((await card.http.get("/v1/calls")).json()) == 1
    other = await here.edge.hand_off(reference, "tok-another")
    assert (other.status_code, other.json()["error"]) == (409, "handoff_conflict")


async def test_a_token_belongs_to_one_call(here: Any) -> None:
    _, token = await here.offer()
    second = uuid.uuid4().hex
    assert (await here.edge.hand_off(second, token)).status_code == 204
    call = await (await here.card()).state(second, "ready")
    assert call["payments"] == {"allowed": False, "reason": "token_reused"}
    assert here.context.desk.store.token(second) is None


@pytest.mark.parametrize("reason", ["no_token", "partner_down", "payments_off", "carrier_not_trusted"])
async def test_a_call_without_a_token_is_shown_without_payments(here: Any, reason: str) -> None:
    reference, _ = await here.offer(token="", reason=reason)
    card = await here.card()
    call = await card.state(reference, "ready")
    assert call["payments"] == {"allowed": False, "reason": reason}
    assert call["allowed"] == []
    answer = await card.press(reference, "secure")
    assert (answer.status_code, answer.json()["error"]) == (409, "payments_off")
    second, _ = await here.offer(token="", reason=reason)
    assert (await card.call(second))["payments"]["allowed"] is False


async def test_edges_need_their_secret_and_known_calls(here: Any) -> None:
    reference, _ = await here.offer()
    body = {
        "event_id": "e1",
        "edge": "edge-1",
        "at": 0,
        "reference": reference,
        "kind": "call_ended",
        "leg": "agent",
    }
    url = f"{DESK_URL}/v1/edge/events"
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}):
        answer = await here.http.post(url, json=body, headers={"Idempotency-Key": "e1", **headers})
        assert answer.status_code == 401
    now = here.context.now
    unknown = await here.edge.post("/v1/edge/events", body | {"reference": "f" * 32, "at": now}, "e1")
    assert (unknown.status_code, unknown.json()["error"]) == (409, "unknown_call")
    old = await here.edge.post("/v1/edge/events", body | {"reference": "f" * 32, "at": now - 7_200_000}, "e1")
    assert old.status_code == 204, "not for ever"
    assert (await here.edge.post("/v1/edge/events", body, "another")).status_code == 400
    assert (
        await here.edge.post("/v1/edge/events", body | {"kind": "something_new"}, "e1")
    ).status_code == 204
    for _ in range(2):
        assert (await here.edge.post("/v1/edge/events", body, "e1")).status_code == 204
    names = [entry["name"] for entry in here.context.desk.store.history(reference)]
    assert names.count("call_ended") == 1


async def test_a_batch_is_one_transaction_and_each_row_has_its_status(here: Any) -> None:
    reference, _ = await here.offer()
    ended = {
        "event_id": "e1",
        "edge": "edge-1",
        "at": 0,
        "reference": reference,
        "kind": "call_ended",
        "leg": "agent",
    }
    unknown = ended | {"event_id": "e2", "reference": "f" * 32, "at": here.context.now}
    new = {
        "reference": "c" * 32,
        "tenant": "acme",
        "number": "+1",
        "direction": "in",
        "token": "another-token",
    }
    rows = [
        {"kind": "handoff", "key": "c" * 32, "body": new},
        {"kind": "event", "key": "e2", "body": unknown},
        {"kind": "event", "key": "e1", "body": {"kind": 7}},
        {"kind": "event", "key": "e1", "body": ended},
        {"kind": "event", "key": "e1", "body": ended},
    ]
    commits: list[str] = []
    database = here.context.desk.store._db
    database.set_trace_callback(
        lambda statement: commits.append(statement) if statement == "COMMIT" else None
    )
    answer = await here.edge.post("/v1/edge/batch", {"parcels": rows}, "not looked at")
    database.set_trace_callback(None)
    assert (answer.status_code, answer.json()) == (200, {"statuses": [204, 409, 422, 204, 204]})
    assert commits[:1] == ["COMMIT"]
    names = [entry["name"] for entry in here.context.desk.store.history(reference)]
    assert names.count("call_ended") == 1
    assert here.context.desk.store.token("c" * 32) == "another-token"
    assert here.context.desk.store.token(reference) is None, "its call has ended"
    wrong = {"Authorization": "Bearer wrong"}
    refused = await here.http.post(f"{DESK_URL}/v1/edge/batch", json={"parcels": rows}, headers=wrong)
    assert refused.status_code == 401


async def test_a_batch_that_cannot_be_written_has_not_happened(here: Any) -> None:
    """Neither on disk nor told: nobody hears of what a restart would not know."""
    desk = here.context.desk
    known = desk.store.load((await here.offer())[0])
    before = desk.store.feed_end()
    references = ["c" * 32, "d" * 32]
    with pytest.raises(StoreUnavailable), desk.together():  # noqa: PT012 - both calls belong in it
        for reference in references:
            desk.hand_off(replace(known, reference=reference, partner_session=None), None, here.context.now)
        raise StoreUnavailable("disk full")
    assert [desk.store.load(reference) for reference in references] == [None, None]
    assert desk.store.feed_end() == before
    assert not [lane for lane in desk.dispatcher._lanes if lane[0] in references]


async def test_operations(here: Any) -> None:
    card = await here.card()
    await here.reach(card, "secured")
    assert (await here.http.get(f"{DESK_URL}/healthz")).json() == {"status": "ok"}
    assert (await here.http.get(f"{DESK_URL}/readyz")).json() == {"status": "ready", "store": True}
    text = (await here.http.get(f"{DESK_URL}/metrics")).text
    assert 'callseal_calls{state="secured"} 1.0' in text
    assert 'callseal_handoffs_total{result="taken"} 1.0' in text
    assert "callseal_secure_seconds_count 1.0" in text
    assert 'callseal_commands_total{command="hold",result="done"} 1.0' in text
    assert "acme" not in text
    page = (await here.http.get(f"{DESK_URL}/openapi.json")).json()
    assert {"/v1/calls/{reference}/secure", "/v1/webhooks/partner", "/v1/edge/events"} <= set(page["paths"])
    assert (await here.http.get(f"{DESK_URL}/docs")).json()["error"] == "not_found"
