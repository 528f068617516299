"""An edge agent for desk tests. Nothing of the product is imported; it is written from docs/reference/interfaces.md."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from tests.support.desk_places import DESK_URL, EDGE_SECRET, now_ms


class FakeEdge:
    """An edge agent that believes what the test tells it about media, and reports it to the desk until it is taken."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http
        self.app = FastAPI()
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.hold_numbers: list[int] = []
        self.refuse_hold: int | None = None
        self.hold_takes_s = 0.0
        self.down = False
        self.where = {"customer": "home", "agent": "home"}
        self.fenced = True
        self.held = False
        self.anchored = True
        self.app.post("/v1/{verb}")(self._control)

    async def _control(self, verb: str, request: Request) -> Response:
        assert request.headers["authorization"] == f"Bearer {EDGE_SECRET}"
        body = await request.json()
        self.asked.append((verb, body))
        if self.down:
            return JSONResponse({"error": "rtpengine_silent"}, 503)
        if verb == "hold":
            if self.refuse_hold:
                return JSONResponse({"error": "no_such_leg"}, self.refuse_hold)
            await asyncio.sleep(self.hold_takes_s)
            self.held = True
            self.hold_numbers.append(int(request.headers["idempotency-key"].rpartition(".")[2]))
            return JSONResponse({"held": True, "expires_at": now_ms() + body["ttl_ms"]})
        if verb == "unhold":
            self.held = False
            return JSONResponse({"held": False})
        return JSONResponse({"customer": self._leg("customer"), "agent": self._leg("agent")})

    def _leg(self, leg: str) -> dict[str, Any]:
        return {
            "anchored": self.anchored,
            "where": self.where[leg],
            "held": self.held and leg == "customer",
            "fenced": self.fenced and leg == "agent" and self.where[leg] == "partner",
            "packets": {"carrier_to_partner": 14},
        }

    def verbs(self) -> list[str]:
        return [verb for verb, _ in self.asked]

    async def hand_off(self, reference: str, token: str, **changes: Any) -> httpx2.Response:
        body = {
            "reference": reference,
            "tenant": "acme",
            "number": "+442079460123",
            "direction": "in",
            "token": token,
            "reason": "" if token else "no_token",
            "caller": "+447700900123",
            "called": "+442079460123",
            "customer_call_id": f"c-{reference[:6]}@carrier",
            "agent_call_id": f"a-{reference[:6]}@partner",
            "node": "edge-1",
            "region": "local",
            "edge": "edge-1",
            "at": now_ms(),
        } | changes
        return await self.post("/v1/edge/handoffs", body, reference)

    async def post(self, path: str, body: dict[str, Any], key: str) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {EDGE_SECRET}", "Idempotency-Key": key}
        return await self.http.post(DESK_URL + path, json=body, headers=headers)

    async def report(self, reference: str, kind: str, **more: Any) -> None:
        """At least once: again until the desk takes it."""
        event_id = uuid.uuid4().hex[:26]
        body = {
            "event_id": event_id,
            "edge": "edge-1",
            "at": now_ms(),
            "reference": reference,
            "kind": kind,
        } | more
        await deliver(lambda: self.post("/v1/edge/events", body, event_id))

    async def move(
        self, reference: str, leg: str, where: str, *, fenced: bool = True, packets: int = 14
    ) -> None:
        self.where[leg] = where
        if where == "home":
            self.held = True if leg == "customer" else self.held  # Kamailio holds before the restoring offer
        elif leg == "customer":
            self.held = False
        evidence = {
            "status": 200,
            "acked": True,
            "packets": {"carrier_to_partner": packets},
            "fenced": fenced if leg == "agent" else None,
            "held": self.held,
        }
        await self.report(reference, "leg_moved", leg=leg, where=where, evidence=evidence)

    async def bye(self, reference: str, leg: str) -> None:
        await self.report(reference, "call_ended", leg=leg)


async def deliver(post: Callable[[], Awaitable[httpx2.Response]]) -> None:
    deadline = time.monotonic() + 20
    while True:
        with contextlib.suppress(httpx2.HTTPError):
            if (await post()).is_success:
                return
        assert time.monotonic() < deadline, "the desk did not take it"
        await asyncio.sleep(0.03)
