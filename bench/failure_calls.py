"""Calls for the failure bench: standing ones whose media gaps are measured, and a stream of new ones that knows two edges."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field

from bench.desk_client import DeskClient
from bench.endpoint import Leg, PeerError
from bench.peers import LiveCall, Peers
from bench.stream_events import call_of

PATIENCE_S = 2.0
"""How long a carrier waits for any answer before it tries the other edge."""
LIFE_S = 2.0


class Ears:
    """When each leg heard its last packet, and its longest silence since `mark()`."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._gap: dict[str, float] = {}

    def attach(self, name: str, leg: Leg) -> None:
        self._last[name] = time.monotonic()
        self._gap[name] = 0.0

        def hears(_timestamp: int, at: float) -> None:
            self._gap[name] = max(self._gap[name], at - self._last[name])
            self._last[name] = at

        leg.voice.listen(hears)

    def mark(self) -> None:
        self._gap = dict.fromkeys(self._gap, 0.0)

    def gaps(self) -> dict[str, float]:
        """Longest silence in seconds; one that still lasts counts up to now."""
        now = time.monotonic()
        return {name: max(gap, now - self._last[name]) for name, gap in self._gap.items()}

    def deaf(self, for_s: float = 1.0) -> list[str]:
        """Who has heard nothing for so long."""
        now = time.monotonic()
        return [name for name, at in self._last.items() if now - at > for_s]


class Card(DeskClient):
    """The card's stream: when each call first said which notice, since `mark()`."""

    def __init__(self, url: str, login: str, password: str) -> None:
        super().__init__(url, login, password)
        self.said: dict[tuple[str, str], float] = {}

    def mark(self) -> None:
        self.said.clear()

    def _take(self, event: bytes, at: float) -> None:
        if call := call_of(event):
            code = (call["notice"] or {}).get("code", "")
            self.said.setdefault((call["reference"], code), at)
            self.said.setdefault((call["reference"], f"state:{call['state']}"), at)
        super()._take(event, at)


@dataclass(slots=True)
class Stream:
    """New calls, `rate` a second, each hung up after a while. The carrier begins with the first edge; when that does not answer, it
    goes to the second and stays there."""

    peers: Peers
    edges: list[str]
    number: str
    rate: float
    chance: random.Random
    tried: int = 0
    answered: int = 0
    second_edge: int = 0
    lost: int = 0
    _callers: itertools.count[int] = field(default_factory=lambda: itertools.count(447700910000))
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self.chance.expovariate(self.rate))
            task = asyncio.create_task(self._one())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def over(self) -> None:
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _one(self) -> None:
        self.tried += 1
        leg = await self._dial()
        if leg is None:
            # Once the first is given up, the second it is.
            self.steer(self.edges[1])
            self.second_edge += 1
            leg = await self._dial()
        if leg is None:
            self.lost += 1
            return
        self.answered += 1
        await asyncio.sleep(LIFE_S)
        self.peers.carrier.hang_up(leg)

    def steer(self, edge: str) -> None:
        """Carrier and platform send to that edge from now on."""
        for peer in (self.peers.carrier, self.peers.platform):
            peer.steer(edge)

    async def _dial(self) -> Leg | None:
        with suppress(TimeoutError, PeerError):
            async with asyncio.timeout(PATIENCE_S):
                leg = await self.peers.carrier.call(self.number, f"+{next(self._callers)}")
            leg.voice.target = None  # these have no voice: the standing calls have
            return leg
        return None


class Typing:
    """The customer of the secured call presses one key after the other, whatever happens, as long as the card does not say that
    the line is open again: then keys are the customer's own business."""

    def __init__(self, call: LiveCall, card: DeskClient) -> None:
        self._call = call
        self._card = card
        self._task: asyncio.Task[None] | None = None
        self._before = 0
        self.pressed = 0

    def start(self) -> None:
        self._before = self._call.agent.voice.keys_heard
        self._task = asyncio.create_task(self._type())

    async def leaked(self) -> int:
        """Stop; how many packets with a key the agent's leg heard."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        return self._call.agent.voice.keys_heard - self._before

    async def _type(self) -> None:
        for key in itertools.cycle((4, 2)):
            if self._card.states.get(self._call.reference, ("", 0.0))[0] == "ready":
                return
            self._call.customer.voice.press(key)
            self.pressed += 1
            await asyncio.sleep(0.15)


async def stand(peers: Peers, number: str, count: int, loud: int) -> list[LiveCall]:
    """So many calls up, dialled one after the other. The first `loud` talk at 50 packets a second, the others at 5: they are there to be
    lost, and two cores have better to do than to relay their silence."""
    calls = []
    for place in range(count):
        call = await peers.dial(number)
        for leg in (call.customer, call.agent):
            leg.voice.every = 1 if place < loud else 10
        calls.append(call)
    return calls
