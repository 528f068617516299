"""A store that takes no write says so, and nothing has changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callseal.payments.names import State
from callseal.payments.ports import Change, LogEntry, StoreUnavailable
from callseal.stores.sqlite import SqliteStore
from tests.support.fresh_session import FRESH, NOW

pytestmark = pytest.mark.unit


def change(**session: Any) -> Change:
    return Change(replace(FRESH, **session), NOW, LogEntry("test", "test", "", "", {}))


def full(store: SqliteStore, _: Path) -> None:
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count={pages}")


def locked(_: SqliteStore, path: Path) -> None:
    thief = sqlite3.connect(path, isolation_level=None)
    thief.execute("BEGIN IMMEDIATE")
    thieves.append(thief)


def gone(_: SqliteStore, path: Path) -> None:
    path.unlink()


def replaced(_: SqliteStore, path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.write_bytes(b"")


thieves: list[sqlite3.Connection] = []


@pytest.mark.parametrize("harm", [full, locked, gone, replaced])
def test_nothing_is_written_and_the_desk_can_say_so(
    tmp_path: Path, harm: Callable[[SqliteStore, Path], None]
) -> None:
    path = tmp_path / "desk.sqlite3"
    store = SqliteStore(path)
    store.commit(change())
    harm(store, path)
    with pytest.raises(StoreUnavailable):
        store.commit(change(state=State.READY, number="+44" + "0" * 90_000))
    after = store.load(FRESH.reference)
    assert after is not None
    assert after.state is State.OFFERED
    assert store.healthy() is (harm is full), "a full disk may still take something small"
    store.close()
    while thieves:
        thieves.pop().close()
