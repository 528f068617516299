"""Carries the spool to the desk: at least once, with back-off, several calls side by side, never out of order in one.

What has gathered while the requests under way are out goes as one: a request costs its round trip and the desk's flush, however
much is in it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sqlite3
from collections.abc import Callable

import structlog

from callseal.edge.settings import EdgeSettings
from callseal.edge.spool import Parcel, Spool
from callseal.wire.http_client import Answer, HttpPort, NoAnswerError, post_json

PATHS = {"handoff": "/v1/edge/handoffs", "event": "/v1/edge/events"}
BATCH = "/v1/edge/batch"
MOST = 16
MOST_BYTES = 48_000
"""Of one request; the desk takes 32 rows and 64 KiB."""
_SIDE_BY_SIDE = 4
_HOUSEKEEPING_S = 60.0
_DISK_PAUSE_S = 1.0
_DESK_DOWN = frozenset({502, 503, 504})

log = structlog.get_logger("callseal.edge.courier")


class Courier:
    """`run()` until cancelled. `http` is given, so that its TLS set-up (and a test's transport) comes from outside.

    `jitter()` returns a number from 0 to 1 that stretches the back-off; `count(kind, outcome)` is told every attempt.
    """

    def __init__(
        self,
        spool: Spool,
        http: HttpPort,
        settings: EdgeSettings,
        *,
        now_ms: Callable[[], int],
        jitter: Callable[[], float],
        count: Callable[[str, str], None] = lambda _kind, _outcome: None,
    ) -> None:
        self._spool = spool
        self._http = http
        self._settings = settings
        self._now_ms = now_ms
        self._jitter = jitter
        self._count = count
        self._wake = asyncio.Event()
        self._busy: set[str] = set()
        self._under_way: set[asyncio.Task[None]] = set()
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
            tasks = (housekeeping, *self._under_way)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _start_due(self) -> None:
        if len(self._under_way) >= _SIDE_BY_SIDE:
            return
        parcels = await self._spool.due(now=self._now_ms(), busy=self._busy, limit=MOST)
        if not parcels:
            return
        parcels = _fitting(parcels)
        self._busy |= {parcel.reference for parcel in parcels}
        task = asyncio.create_task(self._deliver(parcels))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _rest(self) -> None:
        """Until a row is added, a delivery ends, or the next back-off is over."""
        full = len(self._under_way) >= _SIDE_BY_SIDE
        due = None if full else await self._spool.next_due(self._busy)
        timeout = None if due is None else max(due - self._now_ms(), 1) / 1000
        try:
            async with asyncio.timeout(timeout):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _deliver(self, parcels: list[Parcel]) -> None:
        """Rows of different calls."""
        try:
            outcomes = await (self._post(parcels[0]) if len(parcels) == 1 else self._post_batch(parcels))
            # Side by side, so that they share a transaction.
            await asyncio.gather(*map(self._settle, parcels, outcomes))
            if self._desk_was_down and "delivered" in outcomes:
                self._desk_was_down = False
                log.info("desk_is_back")
                await self._spool.hasten()
        except sqlite3.Error as error:
            log.critical("spool_unusable", error=str(error))
            await asyncio.sleep(_DISK_PAUSE_S)
        finally:
            self._busy -= {parcel.reference for parcel in parcels}
            self._wake.set()

    async def _settle(self, parcel: Parcel, outcome: str) -> None:
        self._count(parcel.kind, outcome)
        if outcome == "delivered":
            await self._spool.delivered(parcel)
            return
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

    async def _post(self, parcel: Parcel) -> list[str]:
        answer = await self._say(PATHS[parcel.kind], parcel.body, {"Idempotency-Key": parcel.idempotency_key})
        return [answer if isinstance(answer, str) else "delivered"]

    async def _post_batch(self, parcels: list[Parcel]) -> list[str]:
        rows = [
            {"kind": parcel.kind, "key": parcel.idempotency_key, "body": parcel.body} for parcel in parcels
        ]
        answer = await self._say(BATCH, {"parcels": rows}, {})
        if isinstance(answer, str):
            return [answer] * len(parcels)
        try:
            statuses = [int(status) for status in answer.json()["statuses"]]
        except (ValueError, KeyError, TypeError):
            statuses = []
        if len(statuses) != len(parcels):
            return ["status_unreadable"] * len(parcels)
        return [_outcome(status) for status in statuses]

    async def _say(self, path: str, body: object, headers: dict[str, str]) -> Answer | str:
        """The desk's answer when it is a success, else the outcome."""
        try:
            answer = await post_json(
                self._http,
                self._settings.desk_url.rstrip("/") + path,
                body,
                headers={"Authorization": f"Bearer {self._settings.secret}", **headers},
                timeout_s=self._settings.desk_timeout_ms / 1000,
            )
        except NoAnswerError as error:
            return error.reason
        return answer if answer.is_success else _outcome(answer.status)

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


def _outcome(status: int) -> str:
    if 200 <= status < 300:
        return "delivered"
    return "unavailable" if status in _DESK_DOWN else f"status_{status}"


def _fitting(parcels: list[Parcel]) -> list[Parcel]:
    """As many from the front as one request may carry, at least one."""
    sizes = itertools.accumulate(len(json.dumps(parcel.body)) for parcel in parcels)
    return [parcel for parcel, size in zip(parcels, sizes, strict=True) if size <= MOST_BYTES] or parcels[:1]
