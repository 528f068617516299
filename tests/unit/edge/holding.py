"""A call with its two legs at the fake rtpengine, and a hold on it, for tests of holds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tests.unit.edge.fakes import HOME, REFERENCE, FakeParty, agent_leg, customer_leg
from tests.unit.edge.harness import Bench


def carrier(bench: Bench) -> FakeParty:
    return bench.ng.calls["c.customer"].labelled("carrier")


def stopped(bench: Bench) -> tuple[bool, bool]:
    return carrier(bench).dtmf_blocked, carrier(bench).media_blocked


def call(bench: Bench, customer_at: str = HOME, agent_at: str = HOME) -> None:
    bench.ng.add("c.customer", *customer_leg(customer_at))
    bench.ng.add("a.agent", *agent_leg(agent_at))


async def know_both_legs(bench: Bench) -> None:
    await bench.journal.note_call(
        REFERENCE, node="edge-1", now=bench.clock(), customer_call_id="c", agent_call_id="a"
    )


async def run_holds_until(bench: Bench, done: Callable[[], Awaitable[bool]]) -> None:
    task = asyncio.create_task(bench.holds.run())
    async with asyncio.timeout(2):
        while not await done():  # noqa: ASYNC110 - a test may poll
            await asyncio.sleep(0.002)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def expire_once(bench: Bench) -> None:
    """Turn the clock to the expiry and let the agent look once."""
    (hold,) = await bench.journal.holds()
    bench.clock.now = hold.expires_at

    async def looked() -> bool:
        return [later.expires_at for later in await bench.journal.holds()] != [hold.expires_at]

    await run_holds_until(bench, looked)
