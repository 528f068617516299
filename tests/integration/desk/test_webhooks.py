"""Webhooks that are not the partner's, not fresh, not new or not in order."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.support.desk_places import DESK_URL, PARTNER_WEBHOOK, PLATFORM_WEBHOOK, sign

pytestmark = [pytest.mark.integration, pytest.mark.anyio]


async def rejects(here: Any, reason: str) -> float:
    text = (await here.http.get(f"{DESK_URL}/metrics")).text
    line = f'callseal_webhook_rejects_total{{reason="{reason}"}} '
    return sum(float(each.removeprefix(line)) for each in text.splitlines() if each.startswith(line))


@pytest.mark.parametrize("fault", ["foreign", "tampered", "unsigned", "stale", "early"])
async def test_a_webhook_that_is_not_the_partners_changes_nothing(here: Any, fault: str) -> None:
    card = await here.card()
    reference, token = await here.reach(card, "authorising")
    key = next(key for verb, key, _ in here.partner.calls if verb == "charge")
    body = here.partner.message(token, "charge.approved", here.partner.seq[token] + 1, charge=key)
    now = int(time.time())
    headers = sign(PARTNER_WEBHOOK, "msg_1", now, body)
    if fault == "foreign":
        headers = sign(PLATFORM_WEBHOOK, "msg_1", now, body)
    elif fault == "tampered":
        body = body.replace(b"approved", b"declined")
    elif fault == "unsigned":
        del headers["webhook-signature"]
    else:
        headers = sign(PARTNER_WEBHOOK, "msg_1", now + (-400 if fault == "stale" else 400), body)
    answer = await here.partner.post(body, headers)
    reason = {"unsigned": "headers", "stale": "stale", "early": "stale"}.get(fault, "signature")
    assert (answer.status_code, answer.json()["error"]) == (401, f"webhook_{reason}")
    assert await rejects(here, reason) == 1
    call = await card.call(reference)
    assert call["result"] is None or call["result"]["outcome"] == "unknown"


async def test_a_replayed_webhook_counts_once(here: Any) -> None:
    card = await here.card()
    reference, token = await here.reach(card, "secured")
    seq = here.partner.seq[token] = here.partner.seq[token] + 1
    body = here.partner.message(token, "session.released", seq, by="partner", legs="home")
    headers = sign(PARTNER_WEBHOOK, "msg_once", int(time.time()), body)
    assert (await here.partner.post(body, headers)).status_code == 204
    await here.edge.move(reference, "customer", "home")
    await here.edge.move(reference, "agent", "home")
    await card.state(reference, "ready")
    await card.press(reference, "secure")
    await card.state(reference, "secured")
    assert (await here.partner.post(body, headers)).status_code == 204
    assert (await card.call(reference))["state"] == "secured"
    assert await rejects(here, "repeated") == 1
    fresh_id = sign(PARTNER_WEBHOOK, "msg_other", int(time.time()), body)
    assert (await here.partner.post(body, fresh_id)).status_code == 204
    assert (await card.call(reference))["state"] == "secured"
    assert await rejects(here, "old_seq") == 1


async def test_a_webhook_for_an_unknown_session_is_asked_for_again(here: Any) -> None:
    token = "tok-late"
    body = here.partner.message(token, "session.ended", 1, by="customer")
    headers = sign(PARTNER_WEBHOOK, "msg_1", int(time.time()), body)
    answer = await here.partner.post(body, headers)
    assert (answer.status_code, answer.json()["error"]) == (409, "unknown_session")
    reference, _ = await here.offer(token=token)
    assert (await here.partner.post(body, headers)).status_code == 204
    await (await here.card()).state(reference, "ended")


async def test_webhooks_are_taken_in_order_but_a_gap_is_not_for_ever(here: Any) -> None:
    card = await here.card()
    reference, token = await here.reach(card, "capturing")
    seq = here.partner.seq[token]

    async def send(number: int, count: int) -> int:
        data = {"field": "card_number", "count": count, "min": 16, "max": 16, "brand": None}
        body = here.partner.message(token, "capture.digit", number, **data)
        answer = await here.partner.post(body, sign(PARTNER_WEBHOOK, f"msg_{number}", int(time.time()), body))
        return int(answer.status_code)

    async def count() -> int:
        return int((await card.call(reference))["fields"][0]["count"])

    assert await send(seq + 2, 2) == 409
    assert await count() == 0
    assert await send(seq + 1, 1) == 204
    assert await send(seq + 2, 2) == 204
    assert await count() == 2
    assert await send(seq + 5, 5) == 409
    deadline = time.monotonic() + 5
    while await send(seq + 5, 5) == 409:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert await count() == 5
    assert await rejects(here, "gap_accepted") == 1


@pytest.mark.parametrize("body", [b"", b"[]", b"not json", b'{"type": "session.secured", "data": {}}'])
async def test_a_signed_body_that_makes_no_sense(here: Any, body: bytes) -> None:
    answer = await here.partner.post(body, sign(PARTNER_WEBHOOK, "msg_1", int(time.time()), body))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_body")


async def test_a_type_from_the_future_is_taken_and_ignored(here: Any) -> None:
    card = await here.card()
    reference, token = await here.reach(card, "secured")
    await here.partner.webhook(token, "session.something_new", colour="blue")
    await here.partner.webhook(token, "session.released", by="partner", legs="stuck")
    await card.state(reference, "media_at_partner")


async def test_a_partner_that_sends_a_card_number_as_a_mask_is_not_believed(here: Any) -> None:
    card = await here.card()
    reference, token = await here.reach(card, "capturing")
    here.partner.careless = True
    await here.partner.webhook(
        token,
        "capture.field_completed",
        field="card_number",
        valid=True,
        masked="4111111111111111",
        brand="visa",
        last4="4111111111111111",
    )
    call = await card.wait(reference, lambda call: call["fields"][0]["state"] == "valid", "valid field")
    assert call["fields"][0]["masked"] == ""
    files = [file.read_bytes() for file in here.store_path.parent.iterdir()]
    assert b"4111111111111111" not in b"".join(files)
