"""Payments off for every call, and on again: by a person, and by the canary, which can only switch off."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from callseal.stores.sqlite import SqliteStore
from tests.support.desk_places import DESK_URL, EDGE_SECRET, OPERATOR_SECRET

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

ON = {"allowed": True, "reason": None, "since": None, "by": None}
CLEAN: dict[str, Any] = {"verdict": "clean", "digits": 0, "secured_ms": 210, "at": 1_790_000_000_000}
DIGITS = {"verdict": "digits", "digits": 3, "secured_ms": 190, "at": 1_790_000_060_000}


async def ask(here: Any, what: str, body: dict[str, Any], secret: str = OPERATOR_SECRET) -> httpx2.Response:
    answer: httpx2.Response = await here.http.post(
        f"{DESK_URL}/v1/operations/{what}", json=body, headers={"Authorization": f"Bearer {secret}".strip()}
    )
    return answer


async def metric(here: Any, name: str) -> float:
    text = (await here.http.get(f"{DESK_URL}/metrics")).text
    return float(next(line for line in text.splitlines() if line.startswith(name)).rpartition(" ")[2])


async def test_a_digit_heard_switches_secure_off_until_a_person_switches_it_on(here: Any) -> None:
    card = await here.card()
    waiting, _ = await here.offer()
    await card.state(waiting, "ready")
    secured, _ = await here.reach(card, "secured")
    version = (await card.call(waiting))["version"]

    answer = await ask(here, "canary", DIGITS)
    switch = answer.json()
    assert (answer.status_code, switch["allowed"], switch["reason"]) == (200, False, "canary_failed")
    assert abs(switch["since"] - time.time() * 1000) < 5_000
    call = await card.call(waiting)
    assert call["payments"] == {"allowed": False, "reason": "canary_failed"}
    assert call["allowed"] == []
    assert call["version"] == version + 1
    refused = await card.press(waiting, "secure")
    assert (refused.status_code, refused.json()["error"]) == (409, "payments_off")
    assert "heard card digits" in refused.json()["message"]
    assert await metric(here, 'callseal_payments_off{reason="canary_failed"}') == 1
    assert await metric(here, "callseal_canary_digits_heard") == 3

    # What is secured goes on, and comes home.
    assert (await card.press(secured, "cancel")).status_code == 202
    await card.state(secured, "ready")
    assert (await card.call(secured))["allowed"] == []

    # A call that comes now has a token and no button, and the canary cannot switch on.
    later, _ = await here.offer()
    assert (await card.state(later, "ready"))["payments"]["reason"] == "canary_failed"
    assert here.context.desk.store.token(later), "payments may come back on"
    assert (await ask(here, "canary", CLEAN)).json() == switch
    assert (await card.call(later))["allowed"] == []

    assert (await ask(here, "payments", {"allowed": True, "by": "ada"})).json() == ON
    for reference in (waiting, secured, later):
        assert (await card.call(reference))["allowed"] == ["secure"]
        assert (await card.press(reference, "secure")).status_code == 202
    assert await metric(here, 'callseal_payments_off{reason="canary_failed"}') == 0


async def test_browsers_hear_of_it_and_the_history_keeps_it(here: Any) -> None:
    card = await here.card()
    reference, _ = await here.offer()
    await card.state(reference, "ready")
    before = here.context.desk.store.feed_end()
    await ask(here, "payments", {"allowed": False, "by": "ada"})
    (item,) = here.context.desk.store.feed_after(before, "acme")
    assert '"payments":{"allowed":false,"reason":"switched_off"}' in item.body
    last = here.context.desk.store.history(reference)[-1]
    assert (last["source"], last["name"]) == ("operations", "payments_switched")


async def test_a_reason_of_the_calls_own_stays(here: Any) -> None:
    card = await here.card()
    reference, _ = await here.offer(token="", reason="carrier_not_trusted")
    for allowed in (False, True):
        await ask(here, "payments", {"allowed": allowed, "by": "ada"})
        assert (await card.call(reference))["payments"]["reason"] == "carrier_not_trusted"


async def test_the_first_time_counts(here: Any) -> None:
    first = (await ask(here, "canary", DIGITS)).json()
    assert (await ask(here, "canary", DIGITS)).json() == first
    assert (await ask(here, "payments", {"allowed": False, "by": "ada"})).json() == first
    found = await here.http.get(
        f"{DESK_URL}/v1/operations/payments", headers={"Authorization": f"Bearer {OPERATOR_SECRET}"}
    )
    assert found.json() == first


async def test_a_clean_call_is_counted_and_changes_nothing(here: Any) -> None:
    assert await metric(here, "callseal_canary_last_timestamp_seconds") == 0
    assert (await ask(here, "canary", CLEAN)).json() == ON
    assert await metric(here, "callseal_canary_last_timestamp_seconds") == CLEAN["at"] / 1000
    assert await metric(here, "callseal_canary_secure_seconds") == 0.21
    assert await metric(here, 'callseal_canary_calls_total{verdict="clean"}') == 1
    assert (await ask(here, "canary", CLEAN | {"verdict": "deaf", "secured_ms": None})).json() == ON
    assert (await ask(here, "canary", CLEAN | {"digits": 1})).json()["allowed"] is False


@pytest.mark.parametrize("secret", ["", "wrong", EDGE_SECRET])
async def test_only_operators(here: Any, secret: str) -> None:
    for what, body in (("payments", {"allowed": False, "by": "ada"}), ("canary", DIGITS)):
        assert (await ask(here, what, body, secret)).status_code == 401
    assert here.context.desk.store.payments_switch() is None


async def test_nobody_without_a_secret_in_the_deployment(here: Any) -> None:
    here.context.settings = replace(here.context.settings, operator_secret="")
    assert (await ask(here, "payments", {"allowed": False, "by": "ada"}, "")).status_code == 401


@pytest.mark.parametrize("by", ["", "4242424242424242", "two words", "x" * 65])
async def test_a_name_is_a_name(here: Any, by: str) -> None:
    assert (await ask(here, "payments", {"allowed": False, "by": by})).status_code == 422


async def test_it_is_on_disk(here: Any) -> None:
    desk = here.context.desk
    await ask(here, "canary", DIGITS)
    copy = here.store_path.with_name("copy.sqlite3")
    with closing(sqlite3.connect(here.store_path)) as one, closing(sqlite3.connect(copy)) as other:
        one.backup(other)
    store = SqliteStore(copy)
    assert store.payments_switch() == desk.store.payments_switch() is not None
    store.close()
    desk.metrics.payments(None)  # as a new process begins
    desk.start()
    assert await metric(here, 'callseal_payments_off{reason="canary_failed"}') == 1
