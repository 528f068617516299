"""One task that knows when each session must be told the time. Deadlines are absolute and live in the store; this only sleeps."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable

import structlog

log = structlog.get_logger("callseal.desk.scheduler")

_PRUNE_MS = 600_000
_LONGEST_SLEEP_MS = 60_000  # the clock may be set back; look again now and then
_AFTER_A_FAULT_MS = 1_000


class Scheduler:
    """`tell(reference, now)` is called when a time has come. `now_ms()` is unix ms."""

    def __init__(
        self, tell: Callable[[str, int], None], prune: Callable[[int], None], now_ms: Callable[[], int]
    ) -> None:
        self._tell = tell
        self._prune = prune
        self._now_ms = now_ms
        self._due: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []
        self._wake = asyncio.Event()
        self._prune_at = 0

    def arm(self, reference: str, at: int | None) -> None:
        """Replace what was set for this session; None: nothing to wait for."""
        if at is None:
            self._due.pop(reference, None)
            return
        if self._due.get(reference) == at:
            return
        self._due[reference] = at
        heapq.heappush(self._heap, (at, reference))
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._wake.clear()
            now = self._now_ms()
            self._housekeeping(now)
            self._tell_due(now)
            next_at = self._heap[0][0] if self._heap else now + _LONGEST_SLEEP_MS
            pause = min(max(next_at - self._now_ms(), 1), _LONGEST_SLEEP_MS)
            try:
                async with asyncio.timeout(pause / 1000):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _tell_due(self, now: int) -> None:
        while self._heap and self._heap[0][0] <= now:
            at, reference = heapq.heappop(self._heap)
            if self._due.get(reference) != at:
                continue  # was armed again since
            del self._due[reference]
            try:
                self._tell(reference, now)
            except Exception:
                log.exception("deadline_failed", reference=reference)
                self.arm(reference, now + _AFTER_A_FAULT_MS)

    def _housekeeping(self, now: int) -> None:
        if now < self._prune_at:
            return
        self._prune_at = now + _PRUNE_MS
        try:
            self._prune(now)
        except Exception:
            log.exception("prune_failed")
