"""The store: one transaction per event, each thing once, and what is forgotten is gone from the disk."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from callseal.payments import commands as cmd
from callseal.payments import engine
from callseal.payments import events as ev
from callseal.payments.money import Money
from callseal.payments.names import Do, FieldName, State
from callseal.payments.ports import Answer, Change, LogEntry
from callseal.payments.session import Session
from callseal.stores.sqlite import SqliteStore
from callseal.stores.sqlite.database import (
    StoreInUseError,
    StoreTooNewError,
    migrate,
    migrations,
    open_database,
    transaction,
)
from callseal.stores.sqlite.records import record_in
from tests.support.fresh_session import FRESH, LOG, NOW

pytestmark = pytest.mark.unit

TOKEN = "tok-9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "desk.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(path)
    yield store
    store.close()


def begun() -> tuple[Session, list[cmd.Command]]:
    return engine.begin(FRESH, NOW)


def test_a_session_comes_back_as_it_was(store: SqliteStore) -> None:
    session, commands = begun()
    store.commit(Change(session, NOW, LOG, commands, token=TOKEN))
    for event in (ev.Annotated(), ev.SecurePressed("alice"), ev.HoldConfirmed(1)):
        session, commands = engine.handle(session, event, NOW)
        store.commit(Change(session, NOW, LOG, commands))
    assert store.load(session.reference) == session
    assert store.by_partner_session("f" * 32) == session
    assert store.open_sessions() == [session]
    assert store.token(session.reference) == TOKEN
    assert store.load("unknown") is None
    assert store.by_partner_session("unknown") is None


def test_commands_wait_in_order_until_they_are_done(store: SqliteStore) -> None:
    charge = cmd.PartnerCharge(reference="r", key="k", amount=Money(4250, "GBP"))
    capture = cmd.PartnerCapture(reference="r", key="k2", fields=(FieldName.EXPIRY,), stored_card=None)
    notify = cmd.Notify(reference="r", key="k3")
    first, second = store.commit(Change(FRESH, NOW, LOG, [charge, notify, capture]))
    assert [pending.command for pending in store.pending()] == [charge, capture]
    store.mark_attempted(first.id, NOW)
    assert store.pending()[0].attempted_at == NOW
    store.commit(Change(FRESH, NOW, LOG, done=first.id))
    assert [pending.id for pending in store.pending()] == [second.id]
    store.drop_pending(second.id)
    assert store.pending() == []


def test_half_a_change_is_no_change(store: SqliteStore) -> None:
    answer = Answer("alice", "k", "f", 202, {})
    store.keep_answer(answer, NOW)
    with pytest.raises(sqlite3.IntegrityError):
        store.commit(Change(FRESH, NOW, LOG, begun()[1], card={}, token=TOKEN, answer=answer))
    assert store.load(FRESH.reference) is None
    assert store.token(FRESH.reference) is None
    assert store.pending() == []
    assert store.history(FRESH.reference) == []


def test_messages_and_answers_are_remembered(store: SqliteStore) -> None:
    store.commit(Change(FRESH, NOW, LOG, seen=("partner", "msg-1")))
    store.commit(Change(FRESH, NOW, LOG, seen=("partner", "msg-1")))
    assert store.seen("partner", "msg-1")
    assert not store.seen("edge", "msg-1")
    answer = Answer("alice", "key", "print", 202, {"state": "securing"})
    store.keep_answer(answer, NOW)
    assert store.answer("alice", "key") == answer
    assert store.answer("bob", "key") is None


def test_the_history_cannot_be_changed(store: SqliteStore, path: Path) -> None:
    store.commit(Change(FRESH, NOW, LogEntry("edge", "leg_moved", "a", "b", {"leg": "agent"})))
    assert store.history(FRESH.reference) == [
        {"at": NOW, "source": "edge", "name": "leg_moved", "before": "a", "after": "b", "leg": "agent"}
    ]
    other = sqlite3.connect(path)
    for statement in ("UPDATE events SET name = 'x'", "DELETE FROM events"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            other.execute(statement)
    other.close()


def test_the_feed_goes_on_after_any_id_and_by_tenant(store: SqliteStore) -> None:
    for number in range(3):
        store.commit(Change(FRESH, NOW, LOG, card={"n": number}))
    store.commit(
        Change(replace(FRESH, tenant="globex", reference="b" * 32, partner_session=None), NOW, LOG, card={})
    )
    assert [item.id for item in store.feed_after(1, "acme")] == [2, 3]
    assert [item.id for item in store.feed_after(0, "globex")] == [4]
    assert (store.feed_start(), store.feed_end()) == (0, 4)
    store.prune(NOW + 24 * 3_600_000)
    assert (store.feed_start(), store.feed_end()) == (4, 4), "ids are never given out twice"


def _on_disk(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


def test_a_forgotten_token_is_in_no_file(store: SqliteStore, path: Path) -> None:
    session, commands = begun()
    store.commit(Change(session, NOW, LOG, commands, token=TOKEN))
    assert TOKEN.encode() in _on_disk(path)
    session, commands = engine.handle(session, ev.CallEnded(), NOW)
    assert any(command.do is Do.FORGET_TOKEN for command in commands)
    store.commit(Change(session, NOW, LOG, commands, forget_token=True))
    assert store.token(session.reference) is None
    assert TOKEN.encode() not in _on_disk(path)
    assert session.reference.encode() in _on_disk(path), "the rest of the call is still there"


def test_one_token_belongs_to_one_call(store: SqliteStore) -> None:
    store.commit(Change(FRESH, NOW, LOG))
    with pytest.raises(sqlite3.IntegrityError):
        store.commit(Change(replace(FRESH, reference="b" * 32), NOW, LOG))


def test_an_ended_call_is_closed_and_pruned_after_a_day(store: SqliteStore) -> None:
    session, _ = engine.handle(begun()[0], ev.CallEnded(), NOW)
    store.commit(Change(session, NOW, LOG))
    assert store.open_sessions() == []
    store.prune(NOW + 1_000)
    assert store.load(session.reference) is not None
    store.prune(NOW + 25 * 3_600_000)
    assert store.load(session.reference) is None
    assert store.history(session.reference)


def test_logins_expire(store: SqliteStore) -> None:
    store.keep_login("hash", "alice", "acme", NOW + 10)
    assert store.login("hash", NOW) == ("alice", "acme")
    assert store.login("hash", NOW + 10) is None
    store.drop_login("hash")
    assert store.login("hash", NOW) is None


def test_the_file_is_for_its_owner_only(store: SqliteStore, path: Path) -> None:
    store.commit(Change(FRESH, NOW, LOG, token=TOKEN))
    assert {file.stat().st_mode & 0o077 for file in path.parent.iterdir()} == {0}


def test_migrations_go_forward_once_and_a_newer_file_is_refused(path: Path) -> None:
    database = open_database(path)
    steps = [*migrations(), (len(migrations()) + 1, "CREATE TABLE more (a);")]
    migrate(database, steps)
    migrate(database, steps)
    assert database.execute("PRAGMA user_version").fetchone() == (len(steps),)
    with pytest.raises(StoreTooNewError):
        migrate(database, migrations())
    database.close()


def test_a_migration_that_fails_leaves_the_version_before_it(path: Path) -> None:
    database = open_database(path)
    steps = [*migrations(), (len(migrations()) + 1, "CREATE TABLE half (a); CREATE NONSENSE;")]
    with pytest.raises(sqlite3.Error):
        migrate(database, steps)
    assert database.execute("PRAGMA user_version").fetchone() == (len(migrations()),)
    assert database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'half'").fetchone() == (0,)
    database.close()


def test_state_column_says_the_state(store: SqliteStore, path: Path) -> None:
    store.commit(Change(FRESH, NOW, LOG))
    other: Any = sqlite3.connect(path)
    assert other.execute("SELECT state, open FROM sessions").fetchall() == [(State.OFFERED, 1)]
    other.close()


def test_one_store_has_one_desk(store: SqliteStore, path: Path) -> None:
    with pytest.raises(StoreInUseError):
        SqliteStore(path)
    store.close()
    SqliteStore(path).close()
    store.__init__(path)  # type: ignore[misc]  # for the fixture, which closes it


def test_flushing_is_the_rule_and_its_exception_lasts_one_transaction(path: Path) -> None:
    """`synchronous`: 1 is NORMAL, 2 is FULL (https://sqlite.org/pragma.html#pragma_synchronous)."""
    database = open_database(path)
    modes = []
    for flush in (True, False, True):
        with transaction(database, flush=flush):
            modes.append(database.execute("PRAGMA synchronous").fetchone()[0])
    database.close()
    assert modes == [2, 1, 2]


# --- call records


def test_a_record_outlives_its_session_and_forgets_the_caller_with_it(store: SqliteStore, path: Path) -> None:
    begun, commands = engine.begin(FRESH, NOW)
    store.commit(Change(begun, NOW, LOG, commands, token=TOKEN))
    record = store.record(FRESH.reference)
    assert record is not None
    assert (record["caller"], record["legs"]["agent"]["call_id"]) == ("+447700900123", "a-1@partner")
    ended, commands = engine.handle(begun, ev.CallEnded(), NOW)
    store.commit(
        Change(
            ended, NOW, LogEntry("edge", "call_ended", "offered", "ended", {}), commands, forget_token=True
        )
    )
    store.prune(NOW + 48 * 3_600_000)
    assert store.load(FRESH.reference) is None
    record = record_in(path, FRESH.reference)
    assert record is not None
    assert (record["caller"], record["called"], record["ended_at"]) == (None, None, NOW)
    assert TOKEN not in json.dumps(record)
    assert store.record("0" * 32) is None


def test_calls_of_before_get_a_record_by_migration(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        migrate(old, migrations()[:1])
        old.execute(
            "INSERT INTO sessions VALUES (?, 'acme', 'ready', 1, NULL, ?, ?)",
            (FRESH.reference, NOW, TypeAdapter(Session).dump_json(FRESH).decode()),
        )
    with closing(open_database(path)):
        record = record_in(path, FRESH.reference)
    assert record is not None
    assert (record["direction"], record["node"], record["started_at"]) == ("in", "n1", NOW)


def test_records_cannot_be_changed(store: SqliteStore, path: Path) -> None:
    store.commit(Change(FRESH, NOW, LOG))
    with closing(sqlite3.connect(path)) as other:
        for statement in ("UPDATE records SET tenant = 'x'", "DELETE FROM records"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                other.execute(statement)
