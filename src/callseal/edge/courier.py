"""Carries the spool to the desk: at least once, with back-off, several calls side by side, never out of order in one."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable

import httpx2
import structlog

from callseal.edge.settings import EdgeSettings
from callseal.edge.spool import Parcel, Spool

PATHS = {"handoff": "/v1/edge/handoffs", "event": "/v1/edge/events"}
_SIDE_BY_SIDE = 8
_HOUSEKEEPING_S = 60.0
_DISK_PAUSE_S = 1.0
_DESK_DOWN = frozenset({502, 503, 504})

log = structlog.get_logger("callseal.edge.courier")


class Courier:
    """`run()` until cancelled. `client` is given, so that its TLS set-up (and a test's transport) comes from outside.

    `jitter()` returns a number from 0 to 1 that stretches the back-off; `count(kind, outcome)` is told every attempt.
    """

    def __init__(
        self,
        spool: Spool,
        client: httpx2.AsyncClient,
        settings: EdgeSettings,
        *,
        now_ms: Callable[[], int],
        jitter: Callable[[], float],
        count: Callable[[str, str], None] = lambda _kind, _outcome: None,
    ) -> None:
        self._spool = spool
        self._client = client
        self._settings = settings
        self._now_ms = now_ms
        self._jitter = jitter
        self._count = count
        self._wake = asyncio.Event()
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._desk_was_down = False
        spool.on_change = self._wake.set

    async def run(self) -> None:
        """Deliver for ever. Ends by cancellation; deliveries under way are cancelled too (and will be repeated)."""
        housekeeping = asyncio.create_task(self._expire_old())
        try:
            while True:
                self._wake.clear()
                try:
                    await self._start_due()
                    await self._rest()
                except sqlite3.Error as error:
                    log.critical("spool_unusable", error=str(error))
                    await asyncio.sleep(_DISK_PAUSE_S)
        finally:
            for task in (housekeeping, *self._busy.values()):
                task.cancel()
            await asyncio.gather(housekeeping, *self._busy.values(), return_exceptions=True)

    async def _start_due(self) -> None:
        free = _SIDE_BY_SIDE - len(self._busy)
        if free <= 0:
            return
        for parcel in await self._spool.due(now=self._now_ms(), busy=self._busy, limit=free):
            self._busy[parcel.reference] = asyncio.create_task(self._deliver(parcel))

    async def _rest(self) -> None:
        """Until a row is added, a delivery ends, or the next back-off is over."""
        due = None if len(self._busy) >= _SIDE_BY_SIDE else await self._spool.next_due(self._busy)
        timeout = None if due is None else max(due - self._now_ms(), 1) / 1000
        try:
            async with asyncio.timeout(timeout):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _deliver(self, parcel: Parcel) -> None:
        try:
            outcome = await self._post(parcel)
            self._count(parcel.kind, outcome)
            if outcome == "delivered":
                await self._spool.delivered(parcel)
                if self._desk_was_down:
                    self._desk_was_down = False
                    log.info("desk_is_back")
                    await self._spool.hasten()
            else:
                # A status is the desk's word on this row; only a desk that is away holds up everybody's rows.
                self._desk_was_down |= not outcome.startswith("status_")
                pause = self._pause(parcel.attempts)
                log.warning(
                    "not_delivered",
                    kind=parcel.kind,
                    reference=parcel.reference,
                    outcome=outcome,
                    attempts=parcel.attempts + 1,
                    retry_ms=pause,
                )
                await self._spool.failed(parcel, retry_at=self._now_ms() + pause)
        except sqlite3.Error as error:
            log.critical("spool_unusable", error=str(error))
            await asyncio.sleep(_DISK_PAUSE_S)
        finally:
            del self._busy[parcel.reference]
            self._wake.set()

    async def _post(self, parcel: Parcel) -> str:
        try:
            response = await self._client.post(
                self._settings.desk_url.rstrip("/") + PATHS[parcel.kind],
                json=parcel.body,
                headers={
                    "Authorization": f"Bearer {self._settings.secret}",
                    "Idempotency-Key": parcel.idempotency_key,
                },
                timeout=self._settings.desk_timeout_ms / 1000,
            )
        except httpx2.HTTPError as error:
            # The type only: a transport's message may quote the request.
            return type(error).__name__
        if response.is_success:
            return "delivered"
        return "unavailable" if response.status_code in _DESK_DOWN else f"status_{response.status_code}"

    def _pause(self, attempts: int) -> int:
        settings = self._settings
        pause = min(settings.retry_first_ms * 2 ** min(attempts, 20), settings.retry_limit_ms)
        return int(pause * (1 + self._jitter() / 4))

    async def _expire_old(self) -> None:
        while True:
            try:
                gone = await self._spool.expire(before=self._now_ms() - self._settings.spool_age_limit_ms)
            except sqlite3.Error as error:
                log.critical("spool_unusable", error=str(error))
                gone = 0
            if gone:
                log.error("undelivered_rows_expired", rows=gone)
                self._count("any", "expired")
            await asyncio.sleep(_HOUSEKEEPING_S)
