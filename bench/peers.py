"""Carrier and platform for benches: many calls on one SIP socket a side, real RTP at 50 packets per second both ways.

Far lighter than a phone: one asyncio process carries a hundred legs. They answer everything at once, so that what a bench
measures is the router, the partner and Callseal.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass

from bench.endpoint import Endpoint, Leg
from bench.talk import Talk
from bench.voice import Voice

_TIMEOUT_S = 8.0


@dataclass(frozen=True, slots=True)
class LiveCall:
    """Both ends of one call. `reference` is what the platform was told, "" for a call past the partner."""

    customer: Leg
    agent: Leg
    reference: str


class Peers:
    """Carrier and platform, and all their voices talking. `async with` opens and closes everything."""

    def __init__(self, carrier: str, platform: str, edge: str) -> None:
        self.carrier = Endpoint(carrier, edge)
        self.platform = Endpoint(platform, edge)
        self._callers = itertools.count(447700900000)
        self.talk = Talk(self._voices)

    async def __aenter__(self) -> Peers:
        await self.carrier.open()
        await self.platform.open()
        self.talk.begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.talk.end()
        self.carrier.close()
        self.platform.close()

    async def dial(self, number: str) -> LiveCall:
        """The customer calls in; both talk when this returns. One call at a time: that is how the ends are paired."""
        customer = await self.carrier.call(number, f"+{next(self._callers)}")
        async with asyncio.timeout(_TIMEOUT_S):
            agent, invite = await self.platform.incoming.get()
        return LiveCall(customer, agent, invite.get("x-call-reference"))

    async def hang_up(self, call: LiveCall) -> None:
        """The customer hangs up; returns when the platform knows."""
        self.carrier.hang_up(call.customer)
        async with asyncio.timeout(_TIMEOUT_S):
            await call.agent.over.wait()

    def _voices(self) -> list[Voice]:
        return [leg.voice for side in (self.carrier, self.platform) for leg in side.legs.values()]
