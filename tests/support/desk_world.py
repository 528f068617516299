"""The desk's world without telephony: a partner, an edge agent and a platform that speak the contract over real sockets.

Each has switches that a test turns to make it refuse, stay silent or lie. Addresses are in 127.84.0.0/24.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2
import uvicorn
from fastapi import FastAPI

from tests.support.desk_places import DESK_URL, EDGE, PARTNER, PASSWORDS, PATIENCE_S, PLATFORM
from tests.support.fake_edge import FakeEdge
from tests.support.fake_partner import FakePartner
from tests.support.fake_platform import FakePlatform


class Server:
    """An ASGI application on a real socket, in this event loop."""

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            lifespan="on",
            ws="none",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._server._serve())
        deadline = time.monotonic() + PATIENCE_S
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise RuntimeError("the server ended")
            assert time.monotonic() < deadline
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        self._server.should_exit = True
        if self._task:
            await self._task


class Card:
    """A logged-in browser."""

    def __init__(self, http: httpx2.AsyncClient, csrf: str) -> None:
        self.http = http
        self.csrf = csrf

    async def press(
        self, reference: str, action: str, body: Any = None, *, key: str | None = None
    ) -> httpx2.Response:
        headers = {"X-CSRF-Token": self.csrf, "Idempotency-Key": key or uuid.uuid4().hex}
        return await self.http.post(f"/v1/calls/{reference}/{action}", json=body or {}, headers=headers)

    async def call(self, reference: str) -> dict[str, Any]:
        answer = await self.http.get(f"/v1/calls/{reference}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def wait(
        self, reference: str, good: Callable[[dict[str, Any]], bool], what: str, timeout_s: float = PATIENCE_S
    ) -> dict[str, Any]:
        deadline = time.monotonic() + timeout_s
        call: dict[str, Any] = {}
        while True:
            with contextlib.suppress(httpx2.HTTPError):
                call = await self.call(reference)
                if good(call):
                    return call
            assert time.monotonic() < deadline, (
                f"no {what}: {call.get('state')} {call.get('notice')} {call.get('evidence')}"
            )
            await asyncio.sleep(0.01)

    async def state(self, reference: str, *states: str, timeout_s: float = PATIENCE_S) -> dict[str, Any]:
        return await self.wait(
            reference, lambda call: call["state"] in states, " or ".join(states), timeout_s
        )


class World:
    """All fakes, and a way to log in. The desk itself is started by the test: in this process or as its own."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http
        self.edge = FakeEdge(http)
        self.partner = FakePartner(http, self.edge)
        self.platform = FakePlatform()
        self._servers = [
            Server(self.edge.app, EDGE, 8022),
            Server(self.partner.app, PARTNER, 8030),
            Server(self.platform.app, PLATFORM, 8041),
        ]
        self._browsers: list[httpx2.AsyncClient] = []

    async def start(self) -> None:
        for server in self._servers:
            await server.start()

    async def stop(self) -> None:
        await self.partner.close()
        for browser in self._browsers:
            await browser.aclose()
        await asyncio.gather(*(server.stop() for server in self._servers))

    async def card(self, login: str = "alice") -> Card:
        browser = httpx2.AsyncClient(base_url=DESK_URL, trust_env=False)
        self._browsers.append(browser)
        answer = await browser.post("/v1/login", data={"username": login, "password": PASSWORDS[login]})
        assert answer.status_code == 200, answer.text
        return Card(browser, answer.json()["csrf"])

    async def offer(
        self, reference: str | None = None, token: str | None = None, **changes: Any
    ) -> tuple[str, str]:
        """A new call: its reference and token."""
        reference, token = (
            reference or uuid.uuid4().hex,
            token if token is not None else f"tok-{uuid.uuid4().hex}",
        )
        self.partner.references[token] = reference
        answer = await self.edge.hand_off(reference, token, **changes)
        assert answer.status_code == 204, answer.text
        return reference, token

    async def reach(self, card: Card, state: str, outcome: str = "approved") -> tuple[str, str]:
        """A call in `state`, by the API."""
        reference, token = await self.offer()
        await card.state(reference, "ready")
        if state in ("ready", "offered"):
            return reference, token
        if state == "securing":
            self.partner.silent.add("secure")
        await self._ok(card.press(reference, "secure"))
        if state == "securing":
            await card.state(reference, "securing")
            return reference, token
        await card.state(reference, "secured")
        if state == "secured":
            return reference, token
        if state in ("restoring", "media_at_partner"):
            self.partner.silent.add("release")
            await self._ok(card.press(reference, "cancel"))
            await card.state(reference, state)
            return reference, token
        await self._ok(
            card.press(reference, "capture", {"fields": ["card_number", "expiry", "security_code"]})
        )
        await card.wait(
            reference, lambda call: any(f["state"] == "active" for f in call["fields"]), "active field"
        )
        if state == "capturing":
            return reference, token
        await self.partner.type_card(token, ["card_number", "expiry", "security_code"])
        await card.state(reference, "captured")
        if state == "captured":
            return reference, token
        self.partner.outcomes = {"authorising": ["silent"], "outcome_unknown": ["unknown"]}.get(
            state, [outcome]
        )
        await self._ok(card.press(reference, "charge", {"amount": 4250, "currency": "GBP"}))
        await card.state(reference, state)
        async with asyncio.timeout(PATIENCE_S):  # the card may know of the press before the partner does
            while "charge" not in self.partner.verbs():  # noqa: ASYNC110 - looked at from outside
                await asyncio.sleep(0.005)
        return reference, token

    async def _ok(self, press: Awaitable[httpx2.Response]) -> None:
        answer = await press
        assert answer.status_code == 202, answer.text


@contextlib.asynccontextmanager
async def world() -> AsyncIterator[World]:
    async with httpx2.AsyncClient(trust_env=False, timeout=5) as http:
        made = World(http)
        await made.start()
        try:
            yield made
        finally:
            await made.stop()
