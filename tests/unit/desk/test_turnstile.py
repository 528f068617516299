"""Who is let into the loop, and when."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import pytest

from callseal.desk.turnstile import PATIENCE_S, SHORT_S, Turnstile

pytestmark = pytest.mark.unit


def through(count: int, beside: Coroutine[Any, Any, None]) -> list[float]:
    """When each of `count` that came together was let through, s after the first came, with `beside` in the same loop."""

    async def go() -> list[float]:
        turnstile, begun, found = Turnstile(), time.monotonic(), []

        async def one() -> None:
            await turnstile.enter()
            found.append(time.monotonic() - begun)

        other = asyncio.create_task(beside)
        await asyncio.gather(*(one() for _ in range(count)))
        other.cancel()
        return found

    return asyncio.run(go())


async def nothing() -> None:
    return


async def always_busy() -> None:
    while True:
        time.sleep(SHORT_S * 3)  # noqa: ASYNC251 - it is what takes the loop
        await asyncio.sleep(0)


def test_an_idle_loop_takes_them_at_once() -> None:
    assert through(50, nothing())[-1] < PATIENCE_S / 2


def test_a_busy_loop_takes_them_when_they_have_waited_enough() -> None:
    found = through(50, always_busy())
    assert found[0] >= PATIENCE_S
    assert found[-1] < PATIENCE_S * 2, "all have come together, and have lost patience together"


def test_one_in_a_turn() -> None:
    async def go() -> list[int]:
        turnstile, turn, found = Turnstile(), 0, []

        async def one() -> None:
            await turnstile.enter()
            found.append(turn)

        waiting = [asyncio.create_task(one()) for _ in range(5)]
        while len(found) < 5:
            turn += 1
            await asyncio.sleep(0)
        await asyncio.gather(*waiting)
        return found

    found = asyncio.run(go())
    assert len(set(found)) >= 4, "a turn that happened to be long may leave one for the next"


def test_who_gave_up_takes_nobodys_place() -> None:
    async def go() -> None:
        turnstile = Turnstile()
        gone = [asyncio.create_task(turnstile.enter()) for _ in range(20)]
        stays = asyncio.create_task(turnstile.enter())
        await asyncio.sleep(0)
        for one in gone:
            one.cancel()
        await asyncio.wait_for(stays, PATIENCE_S / 2)
        await asyncio.wait_for(turnstile.enter(), PATIENCE_S / 2)

    asyncio.run(go())
