"""The agent's one file on disk: SQLite, flushed before every answer, readable by its owner only.

WAL with `synchronous=FULL`: a commit is on the disk when it returns, unless it says that it need not be. `secure_delete` overwrites what is deleted in the
file; the write-ahead log still has the old pages, so whoever deletes a token calls `forget_pages` too. SQLite blocks, so
everything runs in one thread of its own, which also puts all writes in one order.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self, TypeVar

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


class Database:
    """Opens the file (and its folder), migrates it, runs functions on it one after the other."""

    def __init__(self, path: Path) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="edge-state")
        self._connection = self._thread.submit(_open, path).result()

    async def run(self, work: Callable[[sqlite3.Connection], T], *, flush: bool = True) -> T:
        """Run `work` as one transaction: on the disk when this returns, or not at all when it raises.

        `flush=False` does not wait for the disk: the change survives this process, but not a power cut within the next
        moments. For what may as well not have happened, such as forgetting a row that was delivered.
        """

        def transaction() -> T:
            self._connection.execute(f"PRAGMA synchronous={'FULL' if flush else 'NORMAL'}")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(self._connection)
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
            return result

        # Shielded: a client that hangs up must not leave half a question whether its record is on the disk.
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, transaction))

    async def forget_pages(self) -> None:
        """Empty the write-ahead log, which may still hold the text of deleted rows."""

        def truncate() -> None:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

        await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, truncate))

    def close(self) -> None:
        """Finish what is queued, then close."""
        self._thread.submit(self._connection.close).result()
        self._thread.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


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
    return connection
