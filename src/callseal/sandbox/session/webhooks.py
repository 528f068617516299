"""Events to the desk: signed, in order within a session, again and again until they are taken.

One queue a session; the next event waits until the one before it was taken or given up. Memory only: what is lost when
the partner dies is what `GET /v1/session` and `GET /v1/charges/{key}` are for.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import httpx2

from callseal.sandbox.session import signing

log = logging.getLogger(__name__)

BACK_OFF_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 60.0, 120.0)
"""Pauses between attempts; after the last the event is given up."""
_TIMEOUT_S = 5.0


class Webhooks:
    """Sends to one URL. `clock` gives unix seconds."""

    def __init__(
        self,
        http: httpx2.AsyncClient,
        *,
        url: str,
        secret: str,
        clock: Callable[[], float],
        muted: Callable[[], bool],
        back_off_s: tuple[float, ...] = BACK_OFF_S,
    ) -> None:
        self._http = http
        self._url = url
        self._key = signing.key_of(secret)
        self._clock = clock
        self._muted = muted
        self._back_off_s = back_off_s
        self._queues: dict[str, asyncio.Queue[tuple[str, bytes]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, session: str, kind: str, data: Mapping[str, object]) -> None:
        """Queue one event of `session`; returns at once."""
        if self._muted():
            return
        queue = self._queues.get(session)
        if queue is None:
            queue = self._queues[session] = asyncio.Queue()
            self._spawn(session, queue)
        queue.put_nowait((f"msg_{secrets.token_hex(12)}", self._body(kind, data)))

    async def forge(self, kind: str, data: Mapping[str, object]) -> int:
        """Send one event signed with a key that nobody knows; returns the desk's status. It must not be taken."""
        body = self._body(kind, data)
        return await self._post(secrets.token_bytes(32), f"msg_{secrets.token_hex(12)}", body)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _body(self, kind: str, data: Mapping[str, object]) -> bytes:
        moment = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds")
        event = {"type": kind, "timestamp": moment.replace("+00:00", "Z"), "data": dict(data)}
        return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()

    def _spawn(self, session: str, queue: asyncio.Queue[tuple[str, bytes]]) -> None:
        task = asyncio.get_running_loop().create_task(self._deliver(session, queue))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, session: str, queue: asyncio.Queue[tuple[str, bytes]]) -> None:
        while not queue.empty():
            message_id, body = queue.get_nowait()
            await self._deliver_one(session, message_id, body)
        del self._queues[session]

    async def _deliver_one(self, session: str, message_id: str, body: bytes) -> None:
        for pause in (*self._back_off_s, None):
            status = await self._post(self._key, message_id, body)
            if 200 <= status < 300:
                return
            if pause is None:
                break
            log.info("webhook_refused", extra={"session": session, "status": status, "again_in_s": pause})
            await asyncio.sleep(pause)
        log.error("webhook_given_up", extra={"session": session})

    async def _post(self, key: bytes, message_id: str, body: bytes) -> int:
        """The status, 0 when nothing came back."""
        timestamp = int(self._clock())
        try:
            reply = await self._http.post(
                self._url,
                content=body,
                headers=signing.headers(key, message_id, timestamp, body),
                timeout=_TIMEOUT_S,
            )
        except httpx2.HTTPError:
            return 0
        return reply.status_code
