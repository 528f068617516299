"""The disk under the agent's state: what is in the way of forgetting, a flush that failed, and what a restart makes of it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from callseal.edge import database as module
from callseal.edge.database import Database
from callseal.edge.state_file import open_state
from callseal.stores.log import log_file

pytestmark = pytest.mark.unit

TOKEN = "tok-5b1deb4d-unit-test-only"


def add(name: str) -> Callable[[sqlite3.Connection], object]:
    return lambda connection: connection.execute("INSERT INTO calls VALUES (?, '', '', '', 0)", (name,))


def names(connection: sqlite3.Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT reference FROM calls")}


def forget(connection: sqlite3.Connection) -> object:
    return connection.execute("DELETE FROM calls WHERE reference = ?", (TOKEN,))


def flush_fails(connection: sqlite3.Connection) -> object:
    """As SQLite says it at COMMIT; nothing of the transaction is left."""
    connection.execute("ROLLBACK")
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
    raise error


def run(path: Path, story: Callable[[Database], Awaitable[None]]) -> None:
    async def told() -> None:
        with Database(path) as database:
            await story(database)

    asyncio.run(told())


def in_files(path: Path) -> bool:
    return any(TOKEN.encode() in file.read_bytes() for file in path.parent.iterdir())


async def gone(path: Path) -> None:
    async with asyncio.timeout(5):
        while in_files(path):  # noqa: ASYNC110 - looked at from outside
            await asyncio.sleep(0.01)


def test_a_reader_puts_forgetting_off_and_nobody_waits_for_it(tmp_path: Path) -> None:
    path = tmp_path / "edge.sqlite3"

    async def story(database: Database) -> None:
        await database.run(add(TOKEN))
        with closing(open_state(path)) as reader:
            reader.execute("BEGIN")
            names(reader)
            await database.run(forget)
            async with asyncio.timeout(1):
                await database.forget_pages()
                await database.run(add("another"))
            await asyncio.sleep(0.7)  # it is tried again meanwhile
            assert in_files(path), "the check can see it"
            assert [(line["event"], line["reason"]) for line in logs] == [("log_not_emptied", "SQLITE_BUSY")]
        await gone(path)
        await asyncio.sleep(0.3)

    with capture_logs() as logs:
        run(path, story)
    assert [line["event"] for line in logs] == ["log_not_emptied", "log_emptied"]


def test_a_reader_at_the_start_puts_off_what_an_earlier_run_left(tmp_path: Path) -> None:
    path = tmp_path / "edge.sqlite3"
    with closing(open_state(path)) as earlier, closing(open_state(path)) as reader:
        add(TOKEN)(earlier)
        reader.execute("BEGIN")
        names(reader)
        forget(earlier)

        async def story(database: Database) -> None:
            assert in_files(path)
            await database.run(lambda _: None)
            reader.execute("COMMIT")
            await gone(path)

        run(path, story)


def test_after_a_flush_that_failed_the_log_is_written_again_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next flush would succeed, and say of what came before that it is on the disk, too."""
    path = tmp_path / "edge.sqlite3"
    flushed: list[float] = []

    def seen(_: int) -> None:
        flushed.append(log_file(path).stat().st_mtime)

    async def story(database: Database) -> None:
        await database.run(add("before"), flush=False)
        monkeypatch.setattr("os.fdatasync", seen)
        os.utime(log_file(path), (0, 0))
        outcomes = await asyncio.gather(
            database.run(add("with it")), database.run(flush_fails), return_exceptions=True
        )
        assert all(isinstance(outcome, sqlite3.OperationalError) for outcome in outcomes), (
            "nobody is told yes"
        )
        await database.run(add("after"))
        assert await database.run(names) == {"before", "after"}

    with capture_logs() as logs:
        run(path, story)
    assert len(flushed) == 1
    assert flushed[0] > 0, "written, not only flushed"
    assert [line["event"] for line in logs] == ["flush_failed", "state_opened_again"]
    with closing(open_state(path)) as connection:
        assert names(connection) == {"before", "after"}


def test_a_disk_that_goes_on_failing_leaves_the_file_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "edge.sqlite3"

    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    async def story(database: Database) -> None:
        await database.run(add("before"))
        before = path.read_bytes(), log_file(path).read_bytes()
        with monkeypatch.context() as patch:
            patch.setattr("os.fdatasync", broken)
            for work in (flush_fails, add("after"), add("after")):
                with pytest.raises(sqlite3.OperationalError):
                    await database.run(work)
                assert (path.read_bytes(), log_file(path).read_bytes()) == before
        await database.run(add("mended"))
        assert await database.run(names) == {"before", "mended"}

    run(path, story)


def test_a_log_is_flushed_by_who_is_told(tmp_path: Path) -> None:
    """SQLite's own emptying tells nobody of a flush that failed."""
    path = tmp_path / "edge.sqlite3"
    with closing(open_state(path)) as connection:
        assert connection.execute("PRAGMA wal_autocheckpoint").fetchone()[0] == 0


def test_a_long_log_is_emptied_though_nobody_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "edge.sqlite3"
    monkeypatch.setattr(module, "_LONG_LOG", 50_000)

    async def story(database: Database) -> None:
        await database.run(add("x" * 20_000))
        assert log_file(path).stat().st_size
        await asyncio.sleep(0.4)
        assert log_file(path).stat().st_size, "it is not long yet"
        await database.run(add("y" * 60_000))
        async with asyncio.timeout(5):
            while log_file(path).stat().st_size:  # noqa: ASYNC110 - looked at from outside
                await asyncio.sleep(0.01)

    run(path, story)
