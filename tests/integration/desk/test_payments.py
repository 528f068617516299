"""Payments through the real desk: by its API, with a partner, an edge and a platform behind real sockets."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.desk_files import forgotten

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

FIELDS = ["card_number", "expiry", "security_code"]
PAY = {"amount": 4250, "currency": "GBP"}


def on_disk(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


async def test_a_paid_call(here: Any) -> None:
    card = await here.card()
    reference, token = await here.offer()
    call = await card.state(reference, "ready")
    assert call["allowed"] == ["secure"]
    assert call["evidence"] == {"partner": False, "customer_leg": False, "agent_leg": False, "fence": False}
    assert (await card.http.get("/v1/calls")).json()[0]["reference"] == reference

    pressed = await card.press(reference, "secure")
    assert (pressed.status_code, pressed.json()["state"]) == (202, "securing")
    call = await card.state(reference, "secured")
    assert all(call["evidence"].values())
    assert here.edge.verbs()[0] == "hold", "the hold comes before the partner"
    assert here.partner.verbs() == ["secure"]

    await card.press(reference, "capture", {"fields": FIELDS})
    await card.state(reference, "capturing")
    await here.partner.type_card(token, FIELDS)
    call = await card.state(reference, "captured")
    assert [row["state"] for row in call["fields"]] == ["valid"] * 3
    assert call["fields"][0]["masked"] == "•••• •••• •••• 4242"
    assert call["allowed"] == ["reset", "charge", "cancel", "release"]

    await card.press(reference, "charge", PAY)
    call = await card.state(reference, "approved")
    assert call["result"] == {
        "outcome": "approved",
        "authorisation_code": "A1B2C3",
        "brand": "visa",
        "last4": "4242",
        "reason": None,
    }
    assert call["amount"] == {"minor": 4250, "currency": "GBP"}
    await card.press(reference, "release")
    call = await card.state(reference, "ready")
    assert call["result"]["outcome"] == "approved"
    assert not here.edge.held or await _soon(lambda: not here.edge.held)
    assert here.partner.verbs().count("charge") == 1
    assert token.encode() in on_disk(here.store_path)

    await here.edge.bye(reference, "customer")
    call = await card.state(reference, "ended")
    assert call["allowed"] == []
    await forgotten(here.store_path.parent, token)
    assert (await card.http.get("/v1/calls")).json() == []
    await _soon(lambda: here.platform.types().count("call.annotated") >= 4)
    assert {"recording.pause", "recording.resume"} <= set(here.platform.types())
    names = [entry["name"] for entry in here.context.desk.store.history(reference)]
    assert names[0] == "handed_off"
    assert names.count("charge_approved") == 1
    assert b"4242" not in b"".join(_history(here.store_path))


@pytest.mark.parametrize(("hold_takes_s", "held"), [(0.2, True), (1.2, False)])
async def test_secure_is_answered_when_the_hold_stands_but_never_late(
    here: Any, hold_takes_s: float, held: bool
) -> None:
    here.edge.hold_takes_s = hold_takes_s
    card = await here.card()
    reference, _ = await here.offer()
    await card.state(reference, "ready")
    begin = time.monotonic()
    pressed = await card.press(reference, "secure")
    assert (pressed.status_code, pressed.json()["state"]) == (202, "securing")
    assert here.edge.held is held
    assert time.monotonic() - begin < 1.0


def _history(path: Path) -> list[bytes]:
    database = sqlite3.connect(path)
    try:
        return [row[0].encode() for row in database.execute("SELECT body FROM events")]
    finally:
        database.close()


async def _soon(good: Any) -> bool:
    for _ in range(400):
        if good():
            return True
        await asyncio.sleep(0.01)
    raise AssertionError("not in time")


async def test_declined_then_approved_with_another_card(here: Any) -> None:
    card = await here.card()
    reference, token = await here.reach(card, "captured")
    here.partner.outcomes = ["declined", "approved"]
    await card.press(reference, "charge", PAY)
    call = await card.state(reference, "secured")
    assert call["result"]["reason"] == "insufficient_funds"
    assert call["notice"]["code"] == "declined"
    await card.press(reference, "capture", {"fields": FIELDS})
    await here.partner.type_card(token, FIELDS)
    await card.state(reference, "captured")
    await card.press(reference, "charge", PAY)
    await card.state(reference, "approved")
    keys = [key for verb, key, _ in here.partner.calls if verb == "charge"]
    assert len(keys) == len(set(keys)) == 2


@pytest.mark.parametrize("leg", ["customer", "agent"])
async def test_a_leg_that_does_not_move_is_a_timeout_with_a_reason(here: Any, leg: str) -> None:
    here.partner.skip_leg = leg
    card = await here.card()
    reference, _ = await here.offer()
    await card.state(reference, "ready")
    await card.press(reference, "secure")
    call = await card.wait(reference, lambda call: call["notice"] is not None, "notice")
    assert call["notice"]["code"] == "secure_timeout"
    assert call["notice"]["advice"]
    call = await card.state(reference, "ready")
    assert not any(call["evidence"].values())
    assert "release" in here.partner.verbs()
    await _soon(lambda: not here.edge.held)


async def test_an_unfenced_agent_leg_is_not_secured(here: Any) -> None:
    card = await here.card()
    here.partner.silent.add("secure")
    reference, token = await here.offer()
    await card.state(reference, "ready")
    await card.press(reference, "secure")
    await here.partner.webhook(token, "session.secured")
    await here.edge.move(reference, "customer", "partner")
    await here.edge.move(reference, "agent", "partner", fenced=False)
    call = await card.call(reference)
    assert call["state"] == "securing"
    assert call["evidence"] == {"partner": True, "customer_leg": True, "agent_leg": True, "fence": False}
    await card.state(reference, "restoring", "ready")


async def test_a_hold_that_is_refused_stops_the_press(here: Any) -> None:
    here.edge.refuse_hold = 409
    card = await here.card()
    reference, _ = await here.offer()
    await card.state(reference, "ready")
    await card.press(reference, "secure")
    call = await card.wait(reference, lambda call: call["notice"] is not None, "notice")
    assert (call["state"], call["notice"]["code"]) == ("ready", "hold_failed")
    assert here.partner.verbs() == []


async def test_secure_pressed_twice(here: Any) -> None:
    here.partner.silent.add("secure")
    card = await here.card()
    reference, _ = await here.offer()
    await card.state(reference, "ready")
    first, again, other = await asyncio.gather(
        card.press(reference, "secure", key="one"),
        card.press(reference, "secure", key="one"),
        card.press(reference, "secure", key="two"),
    )
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    assert (other.status_code, other.json()["error"]) == (409, "wrong_state")
    await _soon(lambda: "secure" in here.partner.verbs())
    assert here.edge.verbs().count("hold") == 1
    assert here.partner.verbs().count("secure") == 1
    conflict = await card.press(reference, "cancel", key="one")
    assert (conflict.status_code, conflict.json()["error"]) == (409, "idempotency_conflict")


@pytest.mark.parametrize("state", ["secured", "capturing", "captured"])
async def test_the_partner_leaves_by_itself(here: Any, state: str) -> None:
    card = await here.card()
    reference, token = await here.reach(card, state)
    await here.partner.home(token, reference, by="partner")
    call = await card.state(reference, "ready")
    assert call["notice"]["code"] in ("partner_left", "evidence_lost")
    assert call["fields"] == []


async def test_a_fence_that_disappears_revokes_secured(here: Any) -> None:
    card = await here.card()
    reference, _ = await here.reach(card, "secured")
    here.partner.silent.add("release")
    here.edge.fenced = False
    call = await card.state(reference, "restoring", "media_at_partner")
    assert call["evidence"]["fence"] is False


async def test_an_edge_that_stops_answering_revokes_secured(here: Any) -> None:
    card = await here.card()
    reference, _ = await here.reach(card, "secured")
    here.edge.down = True
    call = await card.state(reference, "restoring", "media_at_partner", "ready")
    assert call["notice"]["code"] in ("edge_lost", "media_at_partner")
    here.edge.down = False
    await card.state(reference, "ready")


async def test_media_that_stays_at_the_partner_keeps_the_hold_until_it_is_home(here: Any) -> None:
    card = await here.card()
    reference, _ = await here.reach(card, "media_at_partner")
    call = await card.call(reference)
    assert call["notice"]["code"] == "media_at_partner"
    assert call["allowed"] == ["release"]
    holds = here.edge.verbs().count("hold")
    await _soon(lambda: here.edge.verbs().count("hold") > holds)
    assert "unhold" not in here.edge.verbs()
    here.edge.where = {"customer": "home", "agent": "home"}
    await card.state(reference, "ready")
    await _soon(lambda: "unhold" in here.edge.verbs())


STATES = [
    "ready",
    "securing",
    "secured",
    "capturing",
    "captured",
    "authorising",
    "approved",
    "outcome_unknown",
    "restoring",
    "media_at_partner",
]


@pytest.mark.parametrize("leg", ["customer", "agent"])
@pytest.mark.parametrize("state", STATES)
async def test_hang_up_in_every_state(here: Any, state: str, leg: str) -> None:
    card = await here.card()
    reference, token = await here.reach(card, state)
    await here.edge.bye(reference, leg)
    call = await card.state(reference, "ended")
    assert call["fields"] == []
    assert call["deadline_at"] is None
    assert here.context.desk.store.token(reference) is None
    await forgotten(here.store_path.parent, token)
    refused = await card.press(reference, "secure")
    assert (refused.status_code, refused.json()["error"]) == (410, "call_ended")


@pytest.mark.parametrize("outcome", ["approved", "declined"])
async def test_hang_up_between_charge_and_result(here: Any, outcome: str) -> None:
    card = await here.card()
    reference, _ = await here.reach(card, "authorising")
    await here.edge.bye(reference, "customer")
    call = await card.state(reference, "ended")
    assert call["result"]["outcome"] == "unknown"
    assert (await card.http.get("/v1/calls")).json()[0]["reference"] == reference, (
        "money may be moving: still listed"
    )
    key = next(key for verb, key, _ in here.partner.calls if verb == "charge")
    here.partner.settle(key, outcome)
    call = await card.wait(reference, lambda call: call["result"]["outcome"] == outcome, outcome)
    assert call["state"] == "ended"
    assert here.partner.verbs().count("charge") == 1
    assert here.partner.verbs()[-1] == "ask"
    assert (await card.http.get("/v1/calls")).json() == []


async def test_a_charge_whose_answer_is_lost_is_asked_about_and_not_sent_again(here: Any) -> None:
    card = await here.card()
    reference, _ = await here.reach(card, "captured")
    here.partner.swallow.add("charge")
    here.partner.outcomes = ["silent"]
    await card.press(reference, "charge", PAY)
    await _soon(lambda: "ask" in here.partner.verbs())
    key = next(key for verb, key, _ in here.partner.calls if verb == "charge")
    assert (await card.call(reference))["notice"]["code"] == "charge_unclear"
    here.partner.settle(key, "approved")
    await card.state(reference, "approved")
    assert here.partner.verbs().count("charge") == 1


async def test_an_unknown_outcome_is_asked_about_until_it_is_known(here: Any) -> None:
    card = await here.card()
    reference, _ = await here.reach(card, "outcome_unknown")
    assert (await card.call(reference))["result"]["outcome"] == "unknown"
    assert "charge" not in (await card.call(reference))["allowed"]
    key = next(key for verb, key, _ in here.partner.calls if verb == "charge")
    await _soon(lambda: here.partner.verbs().count("ask") >= 2)
    here.partner.settle(key, "approved")
    await card.state(reference, "approved")
    assert here.partner.verbs().count("charge") == 1


async def test_a_charge_that_is_refused_took_no_money(here: Any) -> None:
    card = await here.card()
    reference, _ = await here.reach(card, "captured")
    here.partner.refuse["charge"] = (409, "wrong_state")
    await card.press(reference, "charge", PAY)
    call = await card.wait(reference, lambda call: call["notice"] is not None, "notice")
    assert (call["state"], call["notice"]["code"]) == ("captured", "charge_refused")


async def test_a_slow_partner_does_not_keep_the_agent_waiting(here: Any) -> None:
    here.partner.slow_s = 0.5
    card = await here.card()
    reference, _ = await here.offer()
    await card.state(reference, "ready")
    begun = asyncio.get_running_loop().time()
    await card.press(reference, "secure")
    assert asyncio.get_running_loop().time() - begun < 0.4
    await card.state(reference, "secured")


async def test_a_recording_that_is_not_confirmed_paused_is_said(here: Any) -> None:
    here.platform.acknowledge = False
    card = await here.card()
    reference, _ = await here.offer()
    await card.state(reference, "ready")
    here.partner.silent.add("secure")
    await card.press(reference, "secure")
    call = await card.wait(reference, lambda call: call["notice"] is not None, "notice")
    assert call["notice"]["code"] == "recording_unconfirmed"


async def test_a_platform_that_is_down_does_not_stop_payments(here: Any) -> None:
    here.platform.status = 503
    card = await here.card()
    reference, _ = await here.offer()
    call = await card.state(reference, "ready")
    assert call["notice"]["code"] == "platform_silent"
    await card.press(reference, "secure")
    await card.state(reference, "secured")


async def test_reset_and_capture_that_stops(here: Any) -> None:
    card = await here.card()
    reference, token = await here.reach(card, "capturing")
    await here.partner.webhook(token, "capture.field_invalid", field="card_number", reason="luhn")
    call = await card.wait(reference, lambda call: call["fields"][0]["state"] == "invalid", "invalid field")
    assert call["fields"][0]["reason"] == "luhn"
    await card.press(reference, "reset", {"field": "card_number"})
    await card.wait(reference, lambda call: call["fields"][0]["state"] == "waiting", "reset field")
    await here.partner.webhook(token, "capture.timed_out", field="card_number", kind="inter_digit")
    call = await card.call(reference)
    assert (call["state"], call["notice"]["code"]) == ("capturing", "field_timed_out")
    await here.partner.webhook(token, "capture.timed_out", field="card_number", kind="overall")
    call = await card.state(reference, "secured")
    assert call["notice"]["code"] == "capture_timed_out"
