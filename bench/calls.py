"""Calls for benches: made in turn on several routers at a fixed rate, or held while others come and go."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Sequence

from bench.edges import Sides
from bench.endpoint import Leg, PeerError

NUMBER = "+442079460000"
HELD_S = 0.2
"""How long a call is up: long enough that nothing of it is still on its way when it ends."""
STAGES_AT_A_TIME = 8
_TIMEOUT_S = 8.0
_callers = itertools.count(447700900000)


async def make_calls(
    sides: Sequence[Sides], *, count: int, rate: float, secured: bool, failures: list[str]
) -> None:
    """`count` calls on each side, `rate` a second on each, in turn. A call that fails is named in `failures`."""
    start = time.monotonic()
    running = []
    for number in range(count * len(sides)):
        await asyncio.sleep(max(0.0, start + number / rate / len(sides) - time.monotonic()))
        running.append(asyncio.create_task(one_call(sides[number % len(sides)], secured=secured)))
    for outcome in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(outcome, (TimeoutError, PeerError)):
            failures.append(f"{type(outcome).__name__} {outcome}".strip())
        elif isinstance(outcome, BaseException):
            raise outcome


async def one_call(side: Sides, *, secured: bool) -> None:
    """Dialled, answered, perhaps secured and released, hung up by the customer; the agent's side has ended when it returns."""
    customer = await side.carrier.call(NUMBER, f"+{next(_callers)}")
    agent = agent_of(side, customer)
    await asyncio.sleep(HELD_S)
    if secured:
        near_customer = side.partner.legs[customer.call_id]
        near_agent = side.partner.other[customer.call_id]
        for leg in (near_agent, near_customer):
            await side.partner.secure(leg)
        await asyncio.sleep(HELD_S)
        for leg in (near_customer, near_agent):
            await side.partner.restore(leg)
        await asyncio.sleep(HELD_S)
    side.carrier.hang_up(customer)
    async with asyncio.timeout(_TIMEOUT_S):
        await agent.over.wait()


def agent_of(side: Sides, customer: Leg) -> Leg:
    """The platform's end of the same call."""
    return side.platform.legs[side.partner.other[customer.call_id].call_id]


class HeldCalls:
    """Calls that stay up on one side."""

    def __init__(self, side: Sides) -> None:
        self._side = side
        self.customers: list[Leg] = []

    async def grow(self, wanted: int) -> None:
        """Dial until so many are up. Raises what a call raises: nothing may fail here."""
        while len(self.customers) < wanted:
            count = min(STAGES_AT_A_TIME, wanted - len(self.customers))
            self.customers += await asyncio.gather(
                *(self._side.carrier.call(NUMBER, f"+{next(_callers)}") for _ in range(count))
            )

    async def end(self) -> None:
        """Hang up all of them, a few at a time."""
        while self.customers:
            ending = [self.customers.pop() for _ in range(min(STAGES_AT_A_TIME, len(self.customers)))]
            agents = [agent_of(self._side, customer) for customer in ending]
            for customer in ending:
                self._side.carrier.hang_up(customer)
            async with asyncio.timeout(_TIMEOUT_S):
                await asyncio.gather(*(agent.over.wait() for agent in agents))
