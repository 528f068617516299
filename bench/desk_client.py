"""The agent's card as a bench needs it: presses on one keep-alive connection, states by the event stream, all in one loop."""

from __future__ import annotations

import asyncio
import sys
import time
import uuid
from collections import defaultdict

import httpx2

from bench.stream_events import call_of

_TIMEOUT_S = 8.0


class DeskClient:
    """One logged-in agent. `states` holds what the stream said last of each call: (state, monotonic s of its arrival); `first`
    when it spoke of the call for the first time, `since` when each state of a call came for the first time."""

    def __init__(self, url: str, login: str, password: str) -> None:
        self._http = httpx2.AsyncClient(base_url=url, timeout=5.0, trust_env=False)
        self._login = (login, password)
        self._csrf = ""
        self._stream: asyncio.Task[None] | None = None
        self._news: defaultdict[str, asyncio.Event] = defaultdict(
            asyncio.Event
        )  # one a call: many wait at once
        self.states: dict[str, tuple[str, float]] = {}
        self.first: dict[str, float] = {}
        self.since: defaultdict[str, dict[str, float]] = defaultdict(dict)

    async def __aenter__(self) -> DeskClient:
        login, password = self._login
        answer = await self._http.post("/v1/login", data={"username": login, "password": password})
        answer.raise_for_status()
        self._csrf = str(answer.json()["csrf"])
        self._stream = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._stream is not None:
            self._stream.cancel()
            await asyncio.gather(self._stream, return_exceptions=True)
        await self._http.aclose()

    async def press(self, reference: str, action: str) -> None:
        """Raises `httpx2.HTTPStatusError` when the desk refuses."""
        answer = await self._http.post(
            f"/v1/calls/{reference}/{action}",
            json={},
            headers={"X-CSRF-Token": self._csrf, "Idempotency-Key": str(uuid.uuid4())},
        )
        answer.raise_for_status()

    async def wait_state(self, reference: str, wanted: str, *, unless: tuple[str, ...] = ()) -> float:
        """When the stream said `wanted` (monotonic, s). Raises `TimeoutError`; `RuntimeError` when it says one of `unless`."""
        async with asyncio.timeout(_TIMEOUT_S):
            while True:
                state, at = self.states.get(reference, ("", 0.0))
                if state == wanted:
                    return at
                if state in unless:
                    raise RuntimeError(f"{state} instead of {wanted}")
                await self._told(reference)

    async def wait_first(self, reference: str) -> float:
        """When the stream spoke of this call for the first time (monotonic, s). Raises `TimeoutError`."""
        async with asyncio.timeout(_TIMEOUT_S):
            while reference not in self.first:
                await self._told(reference)
        return self.first[reference]

    async def _told(self, reference: str) -> None:
        """The stream speaks of this call."""
        self._news[reference].clear()
        await self._news[reference].wait()

    async def _read(self) -> None:
        rest = b""
        async with self._http.stream("GET", "/v1/events", timeout=None) as answer:
            async for chunk in answer.aiter_raw():
                at = time.monotonic()
                *events, rest = (rest + chunk).split(b"\n\n")
                for event in events:
                    self._take(event, at)

    def _take(self, event: bytes, at: float) -> None:
        if call := call_of(event):
            self.heard(call["reference"], call["state"], at)

    def heard(self, reference: str, state: str, at: float) -> None:
        """The stream said it, at that time."""
        self.states[reference] = (state, at)
        self.first.setdefault(reference, at)
        self.since[reference].setdefault(state, at)
        if reference in self._news:
            self._news[reference].set()


class ClientApart(DeskClient):
    """Its stream is read by a process of its own (`bench.card_stream`), which tells when an event came, however late we hear of it."""

    reader: asyncio.subprocess.Process | None = None

    async def __aexit__(self, *_: object) -> None:
        if self.reader is not None and self.reader.returncode is None:
            self.reader.kill()
            await self.reader.wait()
        await super().__aexit__()

    async def _read(self) -> None:
        self.reader = reader = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bench.card_stream",
            str(self._http.base_url.join("/v1/events")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        if reader.stdin is None or reader.stdout is None:
            raise RuntimeError("no pipes")
        cookie = "; ".join(f"{name}={value}" for name, value in self._http.cookies.items())
        reader.stdin.write(f"{cookie}\n".encode())
        async for line in reader.stdout:
            at, reference, state = line.decode().split()
            self.heard(reference, state, float(at))
