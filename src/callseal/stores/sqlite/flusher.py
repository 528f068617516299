"""When what was written is on the disk: one flush of the write-ahead log for all who wait.

With `synchronous=NORMAL` a commit is written to the log and not flushed (https://sqlite.org/wal.html, "Performance Considerations"): it
survives the process, not a power cut. A flush of that file makes every commit before it durable, as SQLite's own at each commit
would. Whatever comes while one is under way waits for the next, together.

A quick disk is waited for on the spot, by whoever asks first: a turn of the loop, when many calls wait for theirs, is longer than
the flush. A slow one is waited for in a thread, so that the loop goes on, and what comes meanwhile goes together.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import structlog

from callseal.payments.ports import StoreUnavailable

log = structlog.get_logger("callseal.store")

AT_LATEST_S = 0.1
"""What nobody asks for is flushed within this time all the same."""
QUICK_S = 0.01


class Flusher:
    """`log_file` must exist. A flush that has failed is not tried again: nobody can tell any more what is on the disk, and the next
    one may succeed without having written it. A restart goes on with what is there. `seconds()` is any clock that does not go back."""

    def __init__(
        self,
        log_file: Path,
        flush: Callable[[int], None] = os.fdatasync,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = os.open(log_file, os.O_RDWR | os.O_CLOEXEC)
        _flush_folder(log_file.parent)
        self._flush = flush
        self._seconds = seconds
        self._quick = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-flush")
        self._written = 0
        self._flushed = 0
        self._under_way: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self.failed = False

    def wrote(self) -> None:
        """Something was committed. Without a running event loop it is on the disk when this returns."""
        self._written += 1
        if self._timer is not None:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.now()
        else:
            self._timer = loop.call_later(AT_LATEST_S, self._late)

    async def on_disk(self) -> None:
        """Returns when everything that was committed before is on the disk. Raises `StoreUnavailable`: it may not be."""
        wanted = self._written
        while self._flushed < wanted:
            self.check()
            if self._closed:
                raise StoreUnavailable("closed")
            if self._quick and self._under_way is None:
                self.now()
                continue
            # Shielded: one who gives up must not take the flush away from the others.
            await asyncio.shield(self._next())
        self.check()

    def now(self) -> None:
        """The same at once, in this thread."""
        written = self._written
        try:
            self._timed_flush()
        except OSError as error:
            self.fail(error)
        self.check()
        self._flushed = max(self._flushed, written)

    def check(self) -> None:
        """Raises `StoreUnavailable` when a flush has failed."""
        if self.failed:
            raise StoreUnavailable("flush_failed")

    def close(self) -> None:
        """Flush what is left, and let go of the file."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._thread.shutdown()
        if self._flushed < self._written and not self.failed:
            with suppress(StoreUnavailable):
                self.now()
        self._closed = True
        os.close(self._file)

    def _late(self) -> None:
        self._timer = None
        if self._flushed < self._written and not self.failed:
            self._next()

    def _next(self) -> asyncio.Task[None]:
        """The flush under way, or one that begins now."""
        if self._under_way is None:
            self._under_way = asyncio.create_task(self._one())
        return self._under_way

    async def _one(self) -> None:
        try:
            await asyncio.sleep(0)  # the rest of this turn
            if self._closed:
                return  # and flushed; the descriptor may be another file's by now
            written = self._written
            await asyncio.get_running_loop().run_in_executor(self._thread, self._timed_flush)
        except OSError as error:
            self.fail(error)
        else:
            self._flushed = max(self._flushed, written)
        finally:
            self._under_way = None

    def _timed_flush(self) -> None:
        """Timed here, in whichever thread: the turn to another and back is the loop's time, not the disk's."""
        begun = self._seconds()
        self._flush(self._file)
        self._quick = self._seconds() - begun < QUICK_S

    def fail(self, error: Exception) -> None:
        """A flush has failed, here or in SQLite's own hands."""
        self.failed = True
        log.critical("flush_failed", error=str(error), advice="Look at the disk, then restart the desk.")


def _flush_folder(folder: Path) -> None:
    """A file that is new is on the disk when its name is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
