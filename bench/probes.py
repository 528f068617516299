"""What is measured, one awaitable each: a press at the desk, the partner without a desk, the router without a partner.

All times are monotonic seconds of one process. Every probe leaves the call as it found it only together with its opposite:
secure, then release.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
import uuid
from dataclasses import dataclass
from typing import Literal

import httpx2

from bench.desk_client import DeskClient
from bench.peers import LiveCall, Peers
from callseal.lab.processes import EDGE
from callseal.lab.world import World

Direction = Literal["secure", "release"]
REACHED: dict[Direction, str] = {"secure": "secured", "release": "ready"}
MASK_S = 0.05  # the partner's mask holds the customer's voice back for 60 ms, so a packet that old has come through the partner
POLL_S = 0.01
_TIMEOUT_S = 8.0


@dataclass(frozen=True, slots=True)
class Press:
    """One press, in seconds. `before`: until the first peer had answered its re-INVITE; `sip`: from there until the last
    ACK had arrived; `after`: from there until the card said so."""

    total: float
    before: float
    sip: float
    after: float

    @property
    def acknowledged(self) -> float:
        """Until the last ACK had arrived, whatever the card says."""
        return self.before + self.sip


@dataclass(frozen=True, slots=True)
class Plain:
    """The same move without the desk, in seconds. `acknowledged`: from the request until the last ACK had arrived; `total`:
    until the first RTP packet came that had travelled the new way."""

    total: float
    acknowledged: float


class MoveWatch:
    """Both legs of a call, from now on: when was the first re-INVITE answered, when was the last ACK there?"""

    def __init__(self, call: LiveCall) -> None:
        self._call = call
        self._customer = len(call.customer.moves)
        self._agent = len(call.agent.moves)

    async def done(self) -> tuple[float, float]:
        await self._call.customer.wait_moves(self._customer + 1)
        await self._call.agent.wait_moves(self._agent + 1)
        customer, agent = self._call.customer.moves[self._customer], self._call.agent.moves[self._agent]
        return min(customer[0], agent[0]), max(customer[1], agent[1])


async def press(desk: DeskClient, call: LiveCall, direction: Direction) -> Press:
    """The agent presses: from just before the HTTP POST until the event stream says that it is so.

    Raises `TimeoutError`, or `RuntimeError` when the call goes somewhere else.
    """
    watch = MoveWatch(call)
    elsewhere = ("restoring", "ended") if direction == "secure" else ("media_at_partner", "ended")
    start = time.monotonic()
    await desk.press(call.reference, direction)
    reached = await desk.wait_state(call.reference, REACHED[direction], unless=elsewhere)
    first, last = await watch.done()
    return Press(reached - start, first - start, last - first, reached - last)


class PartnerAlone:
    """One call whose partner is asked directly, as the desk would ask it; the desk believes that this call is over.

    The token comes out of the desk's store, which then hears from "its edge" that both parties hung up: it forgets the
    token and does nothing about this call any more. Router, edge agent, partner and peers are those of every other call.
    """

    def __init__(self, world: World, call: LiveCall, desk: DeskClient) -> None:
        self._world = world
        self.call = call
        self._desk = desk
        self._http = httpx2.AsyncClient(timeout=5.0, trust_env=False)
        self._token = ""
        self._through: asyncio.Event = asyncio.Event()
        self._media_at = 0.0
        self._wanted: tuple[Direction, float] | None = None

    async def open(self) -> None:
        await self._desk.wait_state(self.call.reference, "ready")
        self._token = _token(self._world, self.call.reference)
        await self._forget()
        self.call.agent.voice.listen(self._agent_hears)
        self.call.customer.voice.listen(self._customer_hears)

    async def close(self) -> None:
        await self._http.aclose()

    async def _forget(self) -> None:
        event = f"bench-{uuid.uuid4()}"
        answer = await self._http.post(
            f"{self._world.desk_url}/v1/edge/events",
            json={
                "event_id": event,
                "edge": EDGE,
                "at": time.time_ns() // 1_000_000,
                "reference": self.call.reference,
                "kind": "call_ended",
                "leg": "customer",
                "where": None,
                "evidence": {"status": None, "acked": None, "packets": {}, "fenced": None, "held": None},
            },
            headers=self._edge(event),
        )
        answer.raise_for_status()
        await self._desk.wait_state(self.call.reference, "ended")

    async def move(self, direction: Direction) -> Plain:
        """From just before the HTTP POST to the partner; what comes after the measurement is waited for outside it."""
        watch = MoveWatch(self.call)
        self._through.clear()
        self._wanted = (direction, float("inf"))
        start = time.monotonic()
        if direction == "secure":
            self._wanted = (direction, start)
        answer = await self._http.post(
            f"http://{self._world.block.partner}:8030/v1/session/{direction}",
            json={},
            headers=self._partner() | {"Idempotency-Key": str(uuid.uuid4())},
        )
        answer.raise_for_status()
        _, last = await watch.done()
        if direction == "release":
            self._wanted = (direction, last)
        async with asyncio.timeout(_TIMEOUT_S):
            await self._through.wait()
        self._wanted = None
        await self._settled(direction)
        return Plain(max(last, self._media_at) - start, last - start)

    def _agent_hears(self, timestamp: int, at: float) -> None:
        """Secure: the first packet of the customer that is as old as only the partner's way makes it."""
        left = self.call.customer.voice.left_at(timestamp)
        if self._wanted and self._wanted[0] == "secure" and left is not None:
            self._heard(at, new_way=left > self._wanted[1] and at - left >= MASK_S)

    def _customer_hears(self, timestamp: int, at: float) -> None:
        """Release: the first packet that left the agent after both legs were acknowledged. (The customer's is still held.)"""
        left = self.call.agent.voice.left_at(timestamp)
        if self._wanted and self._wanted[0] == "release" and left is not None:
            self._heard(at, new_way=left > self._wanted[1])

    def _heard(self, at: float, *, new_way: bool) -> None:
        if new_way and not self._through.is_set():
            self._media_at = at
            self._through.set()

    async def _settled(self, direction: Direction) -> None:
        state = {"secure": "secured", "release": "home"}[direction]
        url = f"http://{self._world.block.partner}:8030/v1/session"
        for _ in range(int(_TIMEOUT_S / POLL_S)):
            if (await self._http.get(url, headers=self._partner())).json()["state"] == state:
                break
            await asyncio.sleep(POLL_S)
        else:
            raise TimeoutError(f"the partner alone did not get {state}")
        if direction == "release":  # the router holds the customer on the way home; the desk would lift it
            answer = await self._http.post(
                f"http://{self._world.block.edge_agent}:8022/v1/unhold",
                json={
                    "reference": self.call.reference,
                    "call_id": self.call.customer.call_id,
                    "node": EDGE,
                },
                headers=self._edge(str(uuid.uuid4())),
            )
            answer.raise_for_status()

    def _partner(self) -> dict[str, str]:
        key = self._world.workspace.secret("partner-api-key")
        return {"Authorization": f"Bearer {key}", "Session-Token": self._token}

    def _edge(self, key: str) -> dict[str, str]:
        secret = self._world.workspace.secret("edge-secret")
        return {"Authorization": f"Bearer {secret}", "Idempotency-Key": key}


async def router_alone(peers: Peers, call: LiveCall) -> float:
    """Two re-INVITEs to a new port, one by each peer, on a call that goes past the partner. Seconds."""
    start = time.monotonic()
    await peers.carrier.reoffer(call.customer)
    await peers.platform.reoffer(call.agent)
    return time.monotonic() - start


def _token(world: World, reference: str) -> str:
    with sqlite3.connect(f"file:{world.workspace.root / 'state/desk.sqlite3'}?mode=ro", uri=True) as store:
        (token,) = store.execute("SELECT token FROM tokens WHERE reference = ?", (reference,)).fetchone()
    store.close()
    return str(token)
