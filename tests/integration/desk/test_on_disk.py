"""Nothing leaves the desk that is not on the disk: no answer, no event on a card's stream, no command. And all of it does, afterwards."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.desk_places import DESK_URL

pytestmark = [pytest.mark.integration, pytest.mark.anyio]


class SlowDisk:
    """Takes its time until it is let; then does nothing, or fails."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.broken = False

    def flush(self, _file: int) -> None:
        assert self.let.wait(10)
        if self.broken:
            raise OSError(5, "Input/output error")


@pytest.fixture
def disk() -> Iterator[SlowDisk]:
    """The desk's, from the moment it is put in (`slow`)."""
    made = SlowDisk()
    yield made
    made.let.set()


def slow(here: Any, disk: SlowDisk) -> None:
    flusher = here.context.desk.store._file.flusher
    flusher._flush = disk.flush
    flusher._quick = False  # or this test's own loop would stand still


async def lines_of(card: Any, into: list[str]) -> None:
    async with card.http.stream("GET", "/v1/events") as stream:
        async for line in stream.aiter_lines():
            into.append(line)  # noqa: PERF401 - one by one, while others look


async def test_a_hand_off_is_told_to_nobody_before_it_is_on_the_disk(here: Any, disk: SlowDisk) -> None:
    card = await here.card()
    lines: list[str] = []
    reading = asyncio.create_task(lines_of(card, lines))
    await asyncio.sleep(0.2)
    slow(here, disk)
    offering = asyncio.create_task(here.offer())
    looking = asyncio.create_task(card.http.get("/v1/calls"))
    await asyncio.sleep(0.4)
    assert here.context.desk.store.open_sessions(), "it is written"
    assert not offering.done()
    assert here.platform.seen == []
    assert not any(line.startswith('data: {"reference') for line in lines)
    disk.let.set()
    reference, _ = await offering
    assert (await looking).status_code == 200
    await card.state(reference, "ready")
    async with asyncio.timeout(3):
        while not any(reference in line for line in lines):  # noqa: ASYNC110 - looked at from outside
            await asyncio.sleep(0.01)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


async def test_nobody_is_shown_what_a_power_cut_could_undo(here: Any, disk: SlowDisk) -> None:
    card = await here.card()
    reference, _ = await here.reach(card, "ready")
    slow(here, disk)
    pressing = asyncio.create_task(card.press(reference, "secure"))
    await asyncio.sleep(0.2)
    looking = asyncio.create_task(card.http.get(f"/v1/calls/{reference}"))
    await asyncio.sleep(0.3)
    assert not pressing.done()
    assert not looking.done()
    assert here.edge.verbs() == [], "no hold was asked for"
    disk.let.set()
    assert (await pressing).status_code == 202
    assert (await looking).json()["state"] == "securing"
    await card.state(reference, "secured")


async def test_a_charge_is_marked_on_the_disk_before_it_is_sent(here: Any, disk: SlowDisk) -> None:
    card = await here.card()
    reference, _ = await here.reach(card, "captured")
    store = here.context.desk.store
    marked = asyncio.Event()
    mark = store.mark_attempted

    def mark_on_a_slow_disk(pending: int, now: int) -> None:
        slow(here, disk)
        mark(pending, now)
        marked.set()

    store.mark_attempted = mark_on_a_slow_disk
    await card.press(reference, "charge", {"amount": 4250, "currency": "GBP"})
    async with asyncio.timeout(3):
        await marked.wait()
    await asyncio.sleep(0.3)
    assert "charge" not in here.partner.verbs()
    disk.let.set()
    await card.state(reference, "approved")
    assert here.partner.verbs().count("charge") == 1


async def test_a_disk_that_fails_to_flush_is_said_to_everybody(here: Any, disk: SlowDisk) -> None:
    card = await here.card()
    reference, _ = await here.reach(card, "ready")
    disk.broken = True
    disk.let.set()
    slow(here, disk)
    answer = await card.press(reference, "secure")
    assert (answer.status_code, answer.json()["error"]) == (503, "store_unavailable")
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert (await here.http.get(f"{DESK_URL}/readyz")).status_code == 503
    assert here.edge.verbs() == []
