"""Server-sent events: nothing is lost between snapshot and stream, nor between two connections."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from callseal.payments import events as ev
from tests.support.desk_world import Card

pytestmark = [pytest.mark.integration, pytest.mark.anyio]


@dataclass
class Event:
    type: str
    id: str
    data: Any


@asynccontextmanager
async def listen(card: Card, last: str | None = None) -> AsyncIterator[AsyncIterator[Event]]:
    headers = {"Last-Event-ID": last} if last is not None else {}
    async with card.http.stream("GET", "/v1/events", headers=headers, timeout=10) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield parse(response.aiter_lines())


async def parse(lines: AsyncIterator[str]) -> AsyncIterator[Event]:
    fields: dict[str, str] = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield Event(fields.get("event", "message"), fields.get("id", ""), json.loads(fields["data"]))
            fields = {}
        else:
            fields = {}


async def next_call(events: AsyncIterator[Event]) -> Event:
    async with asyncio.timeout(5):
        async for event in events:
            if event.type == "call":
                return event
    raise AssertionError("the stream ended")


async def test_a_stream_begins_with_a_snapshot_and_goes_on(here: Any) -> None:
    card = await here.card()
    reference, _ = await here.offer()
    await card.state(reference, "ready")
    async with listen(card) as events:
        first = await next_call(events)
        assert first.data == await card.call(reference)
        await card.press(reference, "secure")
        states = []
        while "secured" not in states:
            event = await next_call(events)
            states.append(event.data["state"])
        assert states[0] == "securing"


async def test_what_came_together_comes_once_each_and_in_order(here: Any) -> None:
    card = await here.card()
    async with listen(card) as events:
        references = {(await here.offer())[0] for _ in range(5)}
        ids: list[int] = []
        ready: set[str] = set()
        while ready != references:
            event = await next_call(events)
            ids.append(int(event.id))
            ready |= {event.data["reference"]} if event.data["state"] == "ready" else set()
        assert ids == sorted(set(ids))
        desk = here.context.desk
        with desk.together():  # all of it is there when the stream looks
            for reference in sorted(references):
                desk.apply(reference, ev.CallEnded(None), source="test")
        ended = [await next_call(events) for _ in references]
        assert {event.data["reference"] for event in ended} == references
        assert [int(event.id) for event in ended] == list(range(int(ended[0].id), int(ended[0].id) + 5))


async def test_pings_come_when_nothing_happens(here: Any) -> None:
    async with listen(await here.card()) as events, asyncio.timeout(5):
        assert [(await anext(events)).type for _ in range(3)] == ["ping"] * 3


async def test_other_tenants_do_not_hear(here: Any) -> None:
    card, bob = await here.card(), await here.card("bob")
    async with listen(bob) as events:
        reference, _ = await here.offer()
        await card.state(reference, "ready")
        mine, _ = await here.offer(tenant="globex")
        assert (await next_call(events)).data["reference"] == mine


async def test_resuming_loses_nothing(here: Any) -> None:
    """A listener that is cut off again and again hears the same as one that never is."""
    card, patient = await here.card(), await here.card()
    heard: list[tuple[str, int]] = []
    reference, token = await here.offer()

    async def cut_off_listener() -> None:
        last: str | None = "0"
        while True:
            async with listen(card, last) as events:
                for _ in range(2):
                    event = await next_call(events)
                    last = event.id
                    heard.append((event.id, event.data["version"]))
                    if event.data["state"] == "ended":
                        return

    async def whole_listener() -> list[tuple[str, int]]:
        whole = []
        async with listen(patient, "0") as events:
            while True:
                event = await next_call(events)
                whole.append((event.id, event.data["version"]))
                if event.data["state"] == "ended":
                    return whole

    whole_task = asyncio.create_task(whole_listener())
    cut_task = asyncio.create_task(cut_off_listener())
    presser = await here.card()
    await presser.state(reference, "ready")
    await presser.press(reference, "secure")
    await presser.state(reference, "secured")
    await presser.press(reference, "capture", {"fields": ["card_number", "expiry", "security_code"]})
    await here.partner.type_card(token, ["card_number", "expiry", "security_code"])
    await presser.state(reference, "captured")
    await here.edge.bye(reference, "agent")
    whole, _ = await asyncio.gather(whole_task, cut_task)
    assert heard == whole
    versions = [version for _, version in whole]
    assert versions == list(range(1, len(versions) + 1)), "each version of the call was heard, once"


@pytest.mark.parametrize("last", ["not a number", "999999", "-1", ""])
async def test_a_resume_point_that_is_not_ours_begins_with_a_snapshot(here: Any, last: str) -> None:
    card = await here.card()
    reference, _ = await here.offer()
    call = await card.state(reference, "ready")
    async with listen(card, last) as events:
        assert (await next_call(events)).data == call


async def test_a_resume_point_that_is_too_old_begins_with_a_snapshot(here: Any) -> None:
    card = await here.card()
    reference, _ = await here.offer()
    call = await card.state(reference, "ready")
    store = here.context.desk.store
    store._db.execute("DELETE FROM feed WHERE id <= 1")
    async with listen(card, "0") as events:
        assert (await next_call(events)).data == call
