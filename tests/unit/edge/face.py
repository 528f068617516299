"""Both HTTP faces of an edge agent without a socket, a fake rtpengine behind them, and bodies that fit each other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2

from callseal.edge.agent import EdgeAgent
from callseal.edge.http import build_app
from callseal.edge.nodes import Nodes
from tests.support.kamailio_forms import handoff_form, leg_form
from tests.unit.edge.fakes import (
    REFERENCE,
    TOKEN,
    Clock,
    FakeRtpengine,
    settings,
)

KAMAILIO, STRANGER = "127.82.0.20", "127.82.0.30"
HANDOFF = handoff_form(REFERENCE, TOKEN)
LEG = leg_form(REFERENCE, "refused", code="488")
BEARER = {"Authorization": "Bearer an edge secret for tests"}
HOLD = {"reference": REFERENCE, "call_id": "c", "node": "edge-1", "ttl_ms": 5_000}
MEDIA = {"reference": REFERENCE, "customer_call_id": "c", "agent_call_id": "a", "node": "edge-1"}


class Face:
    """The app with a fake rtpengine behind it."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.ng = FakeRtpengine()
        self.agent = EdgeAgent(
            settings(folder / "edge.sqlite3", **changes),
            now_ms=Clock(),
            nodes=Nodes({"edge-1": self.ng}, "edge-1"),
        )
        self.app = build_app(self.agent)

    async def post(
        self, path: str, *, source: str = KAMAILIO, headers: dict[str, str] | None = None, **body: Any
    ) -> httpx2.Response:
        transport = httpx2.ASGITransport(app=self.app, client=(source, 40000))
        async with httpx2.AsyncClient(transport=transport, base_url="http://edge.test") as client:
            return await client.post(path, headers=headers, **body)

    async def get(self, path: str, headers: dict[str, str] | None = None) -> httpx2.Response:
        transport = httpx2.ASGITransport(app=self.app, client=(STRANGER, 40000))
        async with httpx2.AsyncClient(transport=transport, base_url="http://edge.test") as client:
            return await client.get(path, headers=headers)

    async def queued(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while parcels := await self.agent.spool.due(now=2**62, busy=(), limit=99):
            for parcel in parcels:
                found.append(dict(parcel.body))
                await self.agent.spool.delivered(parcel)
        return found


def on_face(folder: Path, story: Callable[[Face], Awaitable[None]], **changes: Any) -> None:
    async def run() -> None:
        face = Face(folder, **changes)
        with contextlib.closing(face.agent._database):
            try:
                await story(face)
            finally:
                await face.agent.watcher.close()

    asyncio.run(run())
