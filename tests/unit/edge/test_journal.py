"""What is written to the disk, and what is not written twice."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from callseal.edge.database import Database
from callseal.edge.journal import Call, Journal

pytestmark = pytest.mark.unit

REFERENCE = "0123456789abcdef" * 2
HOUR = 3_600_000


class Notes:
    """A journal whose steps are plain calls. `written` counts the rows changed since the file was opened."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._journal = Journal(database)

    def note(self, *, now: int = 0, node: str = "1", **legs: str) -> None:
        asyncio.run(self._journal.note_call(REFERENCE, node=node, now=now, **legs))

    def end(self, leg: str) -> None:
        asyncio.run(self._journal.forget_leg(REFERENCE, leg))

    @property
    def call(self) -> Call | None:
        return asyncio.run(self._journal.call(REFERENCE))

    @property
    def written(self) -> int:
        return asyncio.run(self._database.run(lambda connection: connection.total_changes))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "edge.sqlite3") as database:
        yield database


def test_the_same_notice_is_not_written_twice(database: Database) -> None:
    notes = Notes(database)
    notes.note(customer_call_id="c")
    once = notes.written
    notes.note(now=HOUR - 1, customer_call_id="c")
    notes.note(now=HOUR - 1, node="")
    assert notes.written == once
    notes.note(now=HOUR, customer_call_id="c")
    assert notes.written == once + 1, "a long call must not look like a forgotten one"


def test_news_is_written(database: Database) -> None:
    notes = Notes(database)
    notes.note(customer_call_id="c")
    notes.note(agent_call_id="a")
    assert notes.call == Call(REFERENCE, "c", "a", "1")
    notes.note(node="2", agent_call_id="b")
    assert notes.call == Call(REFERENCE, "c", "b", "2")


def test_an_ended_leg_that_is_told_again_is_written_again(database: Database) -> None:
    notes = Notes(database)
    notes.note(customer_call_id="c", agent_call_id="a")
    notes.end("agent")
    notes.note(agent_call_id="a")
    assert notes.call == Call(REFERENCE, "c", "a", "1")


def test_what_an_earlier_process_wrote_stays(database: Database) -> None:
    Notes(database).note(customer_call_id="c", agent_call_id="a")
    after_restart = Notes(database)
    after_restart.note(agent_call_id="a")
    assert after_restart.call == Call(REFERENCE, "c", "a", "1")


def test_flushing_is_the_rule_and_its_exception_lasts_one_transaction(database: Database) -> None:
    """`synchronous`: 1 is NORMAL, 2 is FULL (https://sqlite.org/pragma.html#pragma_synchronous)."""

    def mode(connection: sqlite3.Connection) -> int:
        return int(connection.execute("PRAGMA synchronous").fetchone()[0])

    async def modes() -> list[int]:
        return [await database.run(mode, flush=flush) for flush in (True, False, True)]

    assert asyncio.run(modes()) == [2, 1, 2]
