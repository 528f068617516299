"""The agent's one file on disk: SQLite, flushed before every answer, readable by its owner only.

WAL with `synchronous=FULL`: a commit is on the disk when it returns, unless it says that it need not be. `secure_delete` overwrites what is deleted in the
file; the write-ahead log still has the old pages, so whoever deletes a token calls `forget_pages` too. SQLite blocks, so
everything runs in one thread of its own, which also puts all writes in one order.

What has gathered while the disk was busy is committed together: one flush for all of them (group commit).
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

T = TypeVar("T")

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        reference TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('handoff', 'event')),
        idempotency_key TEXT NOT NULL UNIQUE,
        body TEXT NOT NULL,
        queued_at INTEGER NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        not_before INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX outbox_order ON outbox (reference, id);
    CREATE TABLE holds (
        reference TEXT PRIMARY KEY,
        call_id TEXT NOT NULL,
        node TEXT NOT NULL,
        expires_at INTEGER NOT NULL,
        limit_at INTEGER NOT NULL,
        media INTEGER NOT NULL,
        cseq INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE calls (
        reference TEXT PRIMARY KEY,
        customer_call_id TEXT NOT NULL,
        agent_call_id TEXT NOT NULL,
        node TEXT NOT NULL,
        seen_at INTEGER NOT NULL
    ) STRICT;
    """,
)
"""Forward only; the number of applied entries is `user_version`. Times are unix milliseconds."""


_TOGETHER = 64
_FORGET_WITHIN_S = 0.2


@dataclass(slots=True)
class _Job:
    """`work` is None for emptying the log. `result` is told what `work` returned, once that is committed."""

    work: Callable[[sqlite3.Connection], Any] | None
    flush: bool = False
    result: Future[Any] = field(default_factory=Future)
    value: Any = None
    error: BaseException | None = None


class Database:
    """Opens the file (and its folder), migrates it, runs functions on it one after the other."""

    def __init__(self, path: Path) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="edge-state")
        self._connection = self._thread.submit(_open, path).result()
        self._waiting: deque[_Job] = deque()
        self._forgetting: asyncio.TimerHandle | None = None

    async def run(self, work: Callable[[sqlite3.Connection], T], *, flush: bool = True) -> T:
        """Run `work` all or nothing: on the disk when this returns, or not at all when it raises.

        It may share a transaction with what others asked meanwhile; what one of them raises undoes that one alone. `flush=False`
        does not wait for the disk: the change survives this process, but not a power cut within the next moments. For what may
        as well not have happened, such as forgetting a row that was delivered.
        """
        value: T = await self._done(_Job(work, flush))
        return value

    async def forget_pages(self) -> None:
        """Empty the write-ahead log, which may still hold the text of deleted rows. What was committed before, flushed or not, is
        on the disk when this returns."""
        await self._done(_Job(None))

    def forget_pages_soon(self) -> None:
        """The same within 0.2 s, once for all who ask meanwhile: the flushes of an emptied log are in everybody's way."""
        if self._forgetting is None:
            self._forgetting = asyncio.get_running_loop().call_later(_FORGET_WITHIN_S, self._forget)

    def _forget(self) -> None:
        self._forgetting = None
        self._add(_Job(None))

    async def _done(self, job: _Job) -> Any:
        self._add(job)
        # Shielded: a client that hangs up must not leave half a question whether its record is on the disk.
        return await asyncio.shield(asyncio.wrap_future(job.result))

    def _add(self, job: _Job) -> None:
        self._waiting.append(job)
        # One turn of the thread for each job: the first takes all there are, and the turns of the others find nothing to do.
        self._thread.submit(self._turn)

    def _turn(self) -> None:
        jobs = [self._waiting.popleft() for _ in range(min(len(self._waiting), _TOGETHER))]
        if not jobs:
            return
        try:
            self._commit([job for job in jobs if job.work is not None])
            if any(job.work is None for job in jobs):
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except Exception as error:  # noqa: BLE001 - told to each who waits
            for job in jobs:
                job.error = job.error or error
        for job in jobs:
            if job.error is not None:
                job.result.set_exception(job.error)
            else:
                job.result.set_result(job.value)

    def _commit(self, jobs: list[_Job]) -> None:
        """Raises when none of them is committed."""
        if not jobs:
            return
        connection = self._connection
        connection.execute(f"PRAGMA synchronous={'FULL' if any(job.flush for job in jobs) else 'NORMAL'}")
        connection.execute("BEGIN IMMEDIATE")
        try:
            for job in jobs:
                _attempt(connection, job)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Finish what is queued, then close: the last connection takes the log into the file and deletes it."""
        if self._forgetting is not None:
            self._forgetting.cancel()
        self._thread.submit(self._connection.close).result()
        self._thread.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _attempt(connection: sqlite3.Connection, job: _Job) -> None:
    """Raises when what the others did is lost too (SQLite rolls everything back when the disk is full or broken)."""
    if job.work is None:
        return
    connection.execute("SAVEPOINT job")
    try:
        job.value = job.work(connection)
    except Exception as error:
        if not connection.in_transaction:
            raise
        job.error = error
        connection.execute("ROLLBACK TO job")
    connection.execute("RELEASE job")


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # SQLite gives the log files beside it the mode of the main file.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.fchmod(descriptor, 0o600)
    os.close(descriptor)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.row_factory = sqlite3.Row
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "busy_timeout=2000"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        connection.close()
        raise RuntimeError(f"{path} was written by a newer version ({version})")
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.executescript(f"BEGIN IMMEDIATE;{script}PRAGMA user_version={number};COMMIT;")
    # What an earlier run deleted and had no time to forget.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return connection
