"""What waits for the agent's state, done together in one transaction."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from callseal.stores.log import flush_failed


@dataclass(slots=True, eq=False)
class Job:
    """`work` is None for emptying the log: its value is whether it could. `told` has what `work` returned, once that is committed."""

    work: Callable[[sqlite3.Connection], Any] | None
    flush: bool
    told: asyncio.Future[Any]
    value: Any = None
    error: BaseException | None = None

    def tell(self) -> None:
        """In the thread of `told`'s loop."""
        if self.told.done():
            return
        if self.error is None:
            self.told.set_result(self.value)
            return
        # No future takes a StopIteration.
        odd = isinstance(self.error, StopIteration)
        self.told.set_exception(RuntimeError("StopIteration") if odd else self.error)
        self.told.exception()  # who has given up does not look, and asyncio would log that


def commit(connection: sqlite3.Connection, jobs: list[Job]) -> None:
    """What one of them raises is its error, and undoes that one alone. Raises when none of them is committed."""
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


def _attempt(connection: sqlite3.Connection, job: Job) -> None:
    """Raises when what the others did is lost too (SQLite rolls everything back when the disk is full or broken)."""
    if job.work is None:
        return
    connection.execute("SAVEPOINT job")
    try:
        job.value = job.work(connection)
    except Exception as error:
        if not connection.in_transaction or flush_failed(error):
            raise
        job.error = error
        connection.execute("ROLLBACK TO job")
    connection.execute("RELEASE job")
