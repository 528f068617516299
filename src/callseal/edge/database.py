"""The agent's state: functions run on one SQLite file, on the disk before every answer.

A commit is on the disk when it returns, unless it says that it need not be. The write-ahead log still has what was deleted, so
whoever deletes a token calls `forget_pages` too. SQLite blocks, so everything runs in one thread of its own, which also puts all
writes in one order.

What has gathered while the disk was busy is committed together: one flush for all of them (group commit), and one turn of the thread
for as long as there is something to do.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TypeVar

import structlog

from callseal.edge.jobs import Job, commit
from callseal.edge.state_file import open_state
from callseal.stores.log import BUSY, Emptying, close_without_log, flush_failed, forget_deleted, log_file

T = TypeVar("T")

log = structlog.get_logger("callseal.edge.state")

_TOGETHER = 64
_FORGET_WITHIN_S = 0.2
_LONG_LOG = 4 << 20
"""Octets of the log from which it is emptied though nobody asked: nothing may have been deleted for a long time."""


class Database:
    """Opens the file (and its folder), migrates it, runs functions on it one after the other.

    After a flush that failed nothing that was written before can be trusted: the file is closed without its log and opened again, as
    a restart would, before anything else is done. Until that succeeds, whoever asks hears why not. As after a crash, what was refused
    in that moment may yet be there: whoever was refused asks again, and all that is written may be written twice.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._waiting: deque[Job] = deque()
        self._turning = False
        self._closed = False
        self._lost = False
        self._to_forget = False
        self._forgetting: asyncio.TimerHandle | None = None
        self._emptying = Emptying(log)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="edge-state")
        self._connection = self._thread.submit(self._open).result()

    async def run(self, work: Callable[[sqlite3.Connection], T], *, flush: bool = True) -> T:
        """Run `work` all or nothing: on the disk when this returns, or not at all when it raises.

        It may share a transaction with what others asked meanwhile; what one of them raises undoes that one alone. `flush=False`
        does not wait for the disk: the change survives this process, but not a power cut within the next moments. For what may
        as well not have happened, such as forgetting a row that was delivered.
        """
        if self._to_forget:
            self._to_forget = False
            self.forget_pages_soon()
        # Shielded: a client that hangs up must not leave half a question whether its record is on the disk.
        value: T = await asyncio.shield(self._add(work, flush=flush))
        return value

    async def forget_pages(self) -> None:
        """Empty the write-ahead log, which may still hold the text of deleted rows. What was committed before, flushed or not, is
        on the disk when this returns. Where another program is reading the file, both come as soon as it has done."""
        await asyncio.shield(self._empty_log())

    def forget_pages_soon(self) -> None:
        """The same within 0.2 s, once for all who ask meanwhile: the flushes of an emptied log are in everybody's way."""
        if self._forgetting is None and not self._closed:
            self._forgetting = asyncio.get_running_loop().call_later(_FORGET_WITHIN_S, self._forget)

    def _forget(self) -> None:
        self._forgetting = None
        if not self._closed:
            self._empty_log()

    def _empty_log(self) -> asyncio.Future[bool]:
        told: asyncio.Future[bool] = self._add(None, flush=False)
        told.add_done_callback(self._tried_to_empty)
        return told

    def _tried_to_empty(self, told: asyncio.Future[bool]) -> None:
        """Again and again, while something is in the way."""
        error = told.exception()
        if error is not None:
            reason = getattr(error, "sqlite_errorname", type(error).__name__)
        else:
            reason = "" if told.result() else BUSY
        self._emptying.tried(reason)
        if reason:
            self.forget_pages_soon()

    def _add(self, work: Callable[[sqlite3.Connection], Any] | None, *, flush: bool) -> asyncio.Future[Any]:
        job = Job(work, flush, asyncio.get_running_loop().create_future())
        with self._lock:
            if self._closed:
                raise RuntimeError(f"{self._path} is closed")
            # A turn that is under way asks once more under this lock before it ends: it takes this job, too.
            if not self._turning:
                self._thread.submit(self._turn)
                self._turning = True
            self._waiting.append(job)
        return job.told

    def _turn(self) -> None:
        while jobs := self._take():
            self._do(jobs)
            self._tell(jobs)

    def _take(self) -> list[Job]:
        with self._lock:
            jobs = [self._waiting.popleft() for _ in range(min(len(self._waiting), _TOGETHER))]
            self._turning = bool(jobs)
            return jobs

    def _do(self, jobs: list[Job]) -> None:
        """Never raises: each job has its value or its error."""
        written = [job for job in jobs if job.work is not None]
        emptying = [job for job in jobs if job.work is None]
        for part, do in ((written, self._commit), (emptying, self._empty)):
            try:
                if part:
                    self._open_again()
                    do(part)
            except BaseException as error:  # noqa: BLE001 - told to each who waits
                for job in part:
                    job.error = job.error or error
                if flush_failed(error):
                    self._lose(error)

    def _commit(self, jobs: list[Job]) -> None:
        commit(self._connection, jobs)

    def _empty(self, jobs: list[Job]) -> None:
        emptied = forget_deleted(self._connection)
        for job in jobs:
            job.value = emptied

    def _tell(self, jobs: list[Job]) -> None:
        """In their own threads, with one wake-up for each of these."""
        for loop in {job.told.get_loop() for job in jobs}:
            with suppress(RuntimeError):  # it is closed, and nobody waits
                theirs = [job for job in jobs if job.told.get_loop() is loop]
                loop.call_soon_threadsafe(self._told, theirs, self._long())

    def _told(self, jobs: list[Job], long: bool) -> None:
        for job in jobs:
            job.tell()
        if long:
            self.forget_pages_soon()

    def _long(self) -> bool:
        with suppress(OSError):
            return log_file(self._path).stat().st_size > _LONG_LOG
        return False

    def _open(self) -> sqlite3.Connection:
        connection = open_state(self._path)
        try:
            # What an earlier run deleted and had no time to forget.
            self._to_forget = not forget_deleted(connection)
        except BaseException:
            close_without_log(connection, self._path)
            raise
        return connection

    def _lose(self, error: BaseException) -> None:
        log.critical("flush_failed", error=str(error), advice="Look at the disk.")
        close_without_log(self._connection, self._path)
        self._lost = True

    def _open_again(self) -> None:
        if not self._lost:
            return
        try:
            self._connection = self._open()
        except OSError as error:
            raise sqlite3.OperationalError(f"{self._path}: {error.strerror}") from error
        self._lost = False
        log.warning("state_opened_again")

    def close(self) -> None:
        """Finish what is queued, then close: the last connection takes the log into the file and deletes it."""
        with self._lock:
            self._closed = True
        if self._forgetting is not None:
            self._forgetting.cancel()
        self._thread.submit(self._close).result()
        self._thread.shutdown()

    def _close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
