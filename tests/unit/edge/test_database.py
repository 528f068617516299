"""Group commit: what has gathered shares a transaction and a flush, and fails alone."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from callseal.edge.database import Database

pytestmark = pytest.mark.unit

ADD = "INSERT INTO calls VALUES (?, '', '', '', 0)"


def add(name: str) -> Callable[[sqlite3.Connection], object]:
    return lambda connection: connection.execute(ADD, (name,))


class Gathered:
    """Asks for everything while the thread is held up, as a slow flush does."""

    def __init__(self, folder: Path) -> None:
        self.statements: list[str] = []
        self.path = folder / "edge.sqlite3"

    def run(self, ask: Callable[[Database], list[Awaitable[object]]]) -> list[object]:
        async def story() -> list[object]:
            with Database(self.path) as database:
                gate = threading.Event()
                trace = database._connection.set_trace_callback
                database._thread.submit(trace, self.statements.append).result()
                database._thread.submit(gate.wait, 5)
                waiting = asyncio.gather(*ask(database), return_exceptions=True)
                await asyncio.sleep(0.01)
                gate.set()
                outcomes = await waiting
                database._thread.submit(trace, None).result()
                return outcomes

        return asyncio.run(story())

    @property
    def kept(self) -> set[str]:
        with closing(sqlite3.connect(self.path)) as connection:
            return {row[0] for row in connection.execute("SELECT reference FROM calls")}


def count(statements: list[str], start: str) -> int:
    return sum(statement.startswith(start) for statement in statements)


def test_what_has_gathered_is_one_commit(tmp_path: Path) -> None:
    gathered = Gathered(tmp_path)
    gathered.run(lambda database: [database.run(add(str(n)), flush=n == 3) for n in range(5)])
    assert count(gathered.statements, "COMMIT") == 1
    assert count(gathered.statements, "PRAGMA synchronous=FULL") == 1, "one of them must be flushed"
    assert gathered.kept == {"0", "1", "2", "3", "4"}


def test_nobody_waits_for_the_disk_when_nobody_must(tmp_path: Path) -> None:
    gathered = Gathered(tmp_path)
    gathered.run(lambda database: [database.run(add(str(n)), flush=False) for n in range(2)])
    assert count(gathered.statements, "PRAGMA synchronous=FULL") == 0


def test_one_that_fails_undoes_itself_alone(tmp_path: Path) -> None:
    def half(connection: sqlite3.Connection) -> None:
        connection.execute(ADD, ("half",))
        raise ValueError("on purpose")

    gathered = Gathered(tmp_path)
    before, failed, after = gathered.run(
        lambda database: [database.run(add("before")), database.run(half), database.run(add("after"))]
    )
    assert isinstance(failed, ValueError)
    assert not isinstance(before, BaseException)
    assert not isinstance(after, BaseException)
    assert gathered.kept == {"before", "after"}


def test_a_commit_that_fails_is_nobodys(tmp_path: Path) -> None:
    """As when the disk is full: SQLite undoes the whole transaction, so all of them must hear of it."""

    def undone(connection: sqlite3.Connection) -> None:
        connection.execute("ROLLBACK")
        raise sqlite3.OperationalError("disk full")

    gathered = Gathered(tmp_path)
    outcomes = gathered.run(lambda database: [database.run(add("before")), database.run(undone)])
    assert all(isinstance(outcome, sqlite3.OperationalError) for outcome in outcomes)
    assert gathered.kept == set()


def test_a_log_is_emptied_once_for_all_and_after_them(tmp_path: Path) -> None:
    gathered = Gathered(tmp_path)
    gathered.run(lambda database: [database.forget_pages(), database.run(add("a")), database.forget_pages()])
    assert count(gathered.statements, "PRAGMA wal_checkpoint") == 1
    assert gathered.statements.index("COMMIT") < len(gathered.statements) - 1
