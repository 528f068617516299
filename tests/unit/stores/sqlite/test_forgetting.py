"""What was deleted leaves the log in time, what is in its way is said once, and a log of which something may be lost is left alone."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from callseal.payments import engine
from callseal.payments import events as ev
from callseal.payments.ports import Change, StoreUnavailable
from callseal.stores import log as stores_log
from callseal.stores.log import log_file
from callseal.stores.sqlite import SqliteStore
from callseal.stores.sqlite import file as module
from callseal.stores.sqlite.database import open_database
from tests.support.fresh_session import FRESH, LOG, NOW

pytestmark = pytest.mark.unit

TOKEN = "tok-9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d"


def _in_files(path: Path) -> bool:
    return any(TOKEN.encode() in file.read_bytes() for file in path.parent.iterdir())


def _reading(path: Path) -> sqlite3.Connection:
    """Another program in the middle of a long look, until it is closed."""
    reader = open_database(path)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM sessions").fetchone()
    return reader


async def _gone_after(path: Path) -> float:
    begun = time.monotonic()
    async with asyncio.timeout(5):
        while _in_files(path):  # noqa: ASYNC110 - looked at from outside
            await asyncio.sleep(0.005)
    return time.monotonic() - begun


def _end(store: SqliteStore) -> None:
    session, commands = engine.begin(FRESH, NOW)
    store.commit(Change(session, NOW, LOG, commands, token=TOKEN))
    session, commands = engine.handle(session, ev.CallEnded(), NOW)
    store.commit(Change(session, NOW, LOG, commands, forget_token=True))


def test_a_token_is_gone_from_all_files_soon_after_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "desk.sqlite3"
    store = SqliteStore(path)
    emptied = 0

    def count(connection: object) -> bool:
        nonlocal emptied
        emptied += 1
        return module_forget(connection)  # type: ignore[arg-type]

    module_forget = stores_log.forget_deleted
    monkeypatch.setattr(module, "forget_deleted", count)

    async def story() -> float:
        _end(store)
        for _ in range(5):  # other calls that end meanwhile
            session = store.load(FRESH.reference)
            assert session is not None
            store.commit(Change(session, NOW, LOG, forget_token=True))
        assert store.token(FRESH.reference) is None
        assert _in_files(path), "the check can see it"
        return await _gone_after(path)

    assert asyncio.run(story()) < module.FORGET_WITHIN_S + 1
    store.close()
    assert emptied == 1, "once for all that ended meanwhile"


def test_somebody_who_reads_the_file_puts_it_off_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "desk.sqlite3"
    store = SqliteStore(path)

    async def story() -> None:
        reader = _reading(path)
        begun = time.monotonic()
        _end(store)
        await asyncio.sleep(2 * module.FORGET_WITHIN_S + 0.1)
        assert _in_files(path)
        assert time.monotonic() - begun < 0.9, "the desk has not waited for the reader"
        reader.close()
        await _gone_after(path)

    asyncio.run(story())
    store.close()


def test_after_a_flush_that_failed_the_log_is_not_taken_into_the_database(tmp_path: Path) -> None:
    """What is lost of it may be in the middle: a power cut would leave a database of which half is older."""
    path = tmp_path / "desk.sqlite3"
    store = SqliteStore(path)

    async def story() -> None:
        _end(store)
        before = path.read_bytes(), log_file(path).stat().st_size
        store._file.flusher.failed = True
        await asyncio.sleep(module.FORGET_WITHIN_S + 0.2)
        assert (path.read_bytes(), log_file(path).stat().st_size) == before

    asyncio.run(story())
    store.close()


def test_a_desk_that_was_killed_forgets_when_it_starts(tmp_path: Path) -> None:
    path, left = tmp_path / "state" / "desk.sqlite3", tmp_path / "left" / "desk.sqlite3"

    async def story() -> None:
        store = SqliteStore(path)
        _end(store)
        shutil.copytree(path.parent, left.parent)  # what kill -9 would leave at this moment
        store.close()

    asyncio.run(story())
    assert _in_files(left)
    store = SqliteStore(left)
    assert not _in_files(left)
    store.close()


def _contents(path: Path) -> tuple[bytes, bytes]:
    return path.read_bytes(), log_file(path).read_bytes()


def test_a_reader_in_the_way_is_said_once_and_so_is_its_end(tmp_path: Path) -> None:
    path = tmp_path / "desk.sqlite3"
    store = SqliteStore(path)

    async def story() -> None:
        reader = _reading(path)
        _end(store)
        await asyncio.sleep(4 * module.FORGET_WITHIN_S)
        assert [(line["event"], line["reason"]) for line in logs] == [("log_not_emptied", "SQLITE_BUSY")]
        reader.close()
        await _gone_after(path)
        await asyncio.sleep(module.FORGET_WITHIN_S)

    with capture_logs() as logs:
        asyncio.run(story())
    store.close()
    assert [line["event"] for line in logs] == ["log_not_emptied", "log_emptied"]


def _error(name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("on purpose")
    error.sqlite_errorname = name
    return error


@pytest.mark.parametrize(("name", "lost"), [("SQLITE_FULL", False), ("SQLITE_IOERR_FSYNC", True)])
def test_an_error_is_said_once_and_a_flush_that_failed_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, lost: bool
) -> None:
    tried = 0

    def broken(_: object) -> bool:
        nonlocal tried
        tried += 1
        raise _error(name)

    store = SqliteStore(tmp_path / "desk.sqlite3")
    monkeypatch.setattr(module, "forget_deleted", broken)

    async def story() -> None:
        _end(store)
        await asyncio.sleep(3 * module.FORGET_WITHIN_S)

    with capture_logs() as logs:
        asyncio.run(story())
    events = [line["event"] for line in logs]
    assert events == (["flush_failed", "log_not_emptied"] if lost else ["log_not_emptied"])
    assert (tried == 1) is lost
    assert store.healthy() is not lost
    store.close()


def test_a_desk_whose_flush_failed_leaves_its_log_to_the_next_one(tmp_path: Path) -> None:
    """Closing would take what may be lost from the cache into the database."""
    path = tmp_path / "desk.sqlite3"
    store = SqliteStore(path)
    store.commit(Change(FRESH, NOW, LOG))
    store._file.flusher.failed = True
    before = _contents(path)
    store.close()
    assert _contents(path) == before
    again = SqliteStore(path)
    assert again.load(FRESH.reference) == FRESH
    assert log_file(path).stat().st_size == 0
    again.close()
    assert not log_file(path).exists()


def test_a_restart_writes_the_log_once_more_before_it_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "desk.sqlite3"
    store = SqliteStore(path)
    store.commit(Change(FRESH, NOW, LOG))
    store._file.flusher.failed = True
    store.close()
    before = _contents(path)

    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("os.fdatasync", broken)
        with pytest.raises(sqlite3.OperationalError, match=r"the disk does not take .*-wal"):
            SqliteStore(path)
    assert _contents(path) == before, "nothing has been touched"

    written: list[bytes] = []

    def seen(descriptor: int) -> None:
        assert path.read_bytes() == before[0], "before anything of it is in the database"
        assert Path(f"/proc/self/fd/{descriptor}").readlink() == log_file(path)
        assert log_file(path).stat().st_mtime > 0, "flushed alone, it would still count as written"
        written.append(log_file(path).read_bytes())

    os.utime(log_file(path), (0, 0))
    monkeypatch.setattr("os.fdatasync", seen)
    SqliteStore(path).close()
    assert written == [before[1]]


def test_a_flush_that_fails_in_sqlites_hands_is_one_that_failed(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "desk.sqlite3")
    with pytest.raises(StoreUnavailable), store._file.writing():
        raise _error("SQLITE_IOERR_FSYNC")
    with pytest.raises(StoreUnavailable):
        store.commit(Change(FRESH, NOW, LOG))
    store.close()
