"""A copy of the store: the history in it, nothing that is under way, and no secret in any of its bytes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from callseal.payments import commands as cmd
from callseal.payments import engine
from callseal.payments import events as ev
from callseal.payments.money import Money
from callseal.payments.names import Brand, ChargeState, Event, Outcome, PaymentsOff, State
from callseal.payments.ports import Answer, Change, LogEntry, PaymentsSwitch
from callseal.payments.session import Charge, Result, Session
from callseal.stores.sqlite import SqliteStore
from callseal.stores.sqlite import backup as module
from callseal.stores.sqlite.backup import OtherSchemaError, copy_store
from callseal.stores.sqlite.records import record_in
from tests.support.fresh_session import FRESH, LOG, NOW

pytestmark = pytest.mark.unit

TOKEN = "tok-7c0f4b1e90c94f0c8dbe8f0a4b7a5a21"
COOKIE = "5d41402abc4b2a76b9719d911017c592"
CALLER, CARD = "+447700900777", "9174"
OPEN_CALL, ASKED, PAID = "1" * 32, "2" * 32, "3" * 32
CHARGE = Charge(f"{ASKED}.charge.1", Money(4250, "GBP"), NOW, next_query_at=NOW + 500)


def call(reference: str, **changes: object) -> Session:
    fresh = replace(FRESH, reference=reference, partner_session=reference, caller=CALLER)
    return replace(fresh, **changes)  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "desk.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    """A desk in the midst of its work: a call, one whose charge waits in the outbox, and one that was paid and has ended."""
    store = SqliteStore(path)
    begun, commands = engine.begin(call(OPEN_CALL), NOW)
    answer = Answer("alice", "a-key", "f", 202, {"caller": CALLER})
    store.commit(
        Change(
            begun,
            NOW,
            LOG,
            commands,
            card={"caller": CALLER},
            token=TOKEN,
            answer=answer,
            seen=("edge", "e1"),
        )
    )
    charging = call(ASKED, state=State.AUTHORISING, charge=CHARGE, charges=1, caller="+447700900001")
    store.commit(
        Change(
            charging,
            NOW,
            LOG,
            [cmd.PartnerCharge(reference=ASKED, key=CHARGE.key, amount=CHARGE.amount)],
            token=f"{TOKEN}2",
        )
    )
    paid = Result(Outcome.APPROVED, "A1B2C3", Brand.VISA, CARD)
    settled = replace(CHARGE, state=ChargeState.SETTLED, next_query_at=None)
    store.commit(
        Change(call(PAID, state=State.ENDED, charge=settled, result=paid), NOW, LOG, token=f"{TOKEN}3")
    )
    store.commit(
        Change(call(PAID, state=State.ENDED, charge=settled, result=paid), NOW, LOG, forget_token=True)
    )
    store.keep_login(COOKIE, "alice", "acme", NOW + 9_999)
    store.switch_payments(PaymentsSwitch(PaymentsOff.CANARY_FAILED, NOW, "canary"))
    yield store
    store.close()


def copied(store: SqliteStore, path: Path) -> Path:
    """Beside the store that is in use."""
    assert store.healthy()
    target = path.parent.parent / "copy.sqlite3"
    told = copy_store(path, target, NOW + 1000)
    assert (told.calls, told.closed, told.asking) == (3, 2, 1)
    return target


def octets(folder: Path, pattern: str) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob(pattern))


def test_no_secret_is_in_any_octet_of_it(store: SqliteStore, path: Path) -> None:
    """Neither what may be presented to somebody, nor what the desk itself forgets after a day."""
    target = copied(store, path)
    for secret in (TOKEN, COOKIE, CALLER, CARD):
        assert secret.encode() in octets(path.parent, "desk.sqlite3*"), "the scan can find it"
        assert secret.encode() not in octets(target.parent, "copy*"), secret


def test_a_copy_of_the_pages_would_have_it(store: SqliteStore, path: Path) -> None:
    """SQLite's own backup; this is why it is not what we use."""
    target = path.parent.parent / "pages.sqlite3"
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as pages:
        source.backup(pages)
    assert TOKEN.encode() in target.read_bytes()


def test_only_its_owner_reads_it_and_nothing_lies_beside_it(store: SqliteStore, path: Path) -> None:
    target = copied(store, path)
    assert target.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in target.parent.glob("copy*")] == [target.name]


def test_the_history_is_whole(store: SqliteStore, path: Path) -> None:
    target = copied(store, path)
    for reference in (OPEN_CALL, ASKED, PAID):
        then, now = record_in(target, reference), store.record(reference)
        assert then is not None
        assert now is not None
        assert (then["legs"], then["started_at"]) == (now["legs"], now["started_at"])
    again = SqliteStore(target)
    assert again.history(PAID) == store.history(PAID)
    last = again.history(OPEN_CALL)[-1]
    assert (last["name"], last["source"], last["after"], last["at"]) == (
        "call_ended",
        "backup",
        "ended",
        NOW + 1000,
    )
    assert again.seen("edge", "e1")
    assert again.payments_switch() == store.payments_switch()
    assert again.feed_end() == store.feed_end(), "a browser that saw the last update is told the next"
    again.close()
    with (
        closing(sqlite3.connect(target)) as database,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        database.execute("DELETE FROM events")


def test_nothing_in_it_is_under_way(store: SqliteStore, path: Path) -> None:
    """The charge waited in the outbox, unsent, and may have gone out since: it is asked about, neither sent nor taken for unsent."""
    again = SqliteStore(copied(store, path))
    assert again.pending() == []
    assert [session.reference for session in again.open_sessions()] == [ASKED]
    session = again.load(ASKED)
    assert session is not None
    assert (session.state, session.charge_open, session.caller) == (State.ENDED, True, "+447700900001")
    assert engine.next_wake(session) == NOW + 1000, "as soon as a desk starts on it"
    asked, (question, *_) = engine.handle(session, ev.ChargeQueryDue(), NOW + 2000)
    assert isinstance(question, cmd.QueryCharge)
    assert asked.charge_open
    for reference in (OPEN_CALL, PAID):
        over = again.load(reference)
        assert over is not None
        assert (over.state, over.over, over.caller, over.result) == (State.ENDED, True, "", None)
        assert again.token(reference) is None
    again.close()


def test_an_event_after_the_copy_has_a_number_of_its_own(store: SqliteStore, path: Path) -> None:
    again = SqliteStore(copied(store, path))
    session = again.load(ASKED)
    assert session is not None
    again.commit(Change(session, NOW, LogEntry("clock", str(Event.CHARGE_QUERY_DUE), "ended", "ended", {})))
    assert len(again.history(ASKED)) == 3
    again.close()


def test_a_copy_is_one_moment(store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The desk goes on writing while it is read, and waits for nobody."""
    copy_rows = module._copy_rows

    def and_meanwhile(*arguments: object) -> None:
        reference = f"{arguments[2]}".encode().hex().ljust(32, "0")[:32]
        store.commit(Change(call(reference), NOW, LOG))
        copy_rows(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_copy_rows", and_meanwhile)
    target = path.parent.parent / "copy.sqlite3"
    told = copy_store(path, target, NOW)
    with closing(sqlite3.connect(target)) as database:
        sessions, records = (
            database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("sessions", "records")
        )
    assert (sessions, records, told.calls) == (3, 3, 3)


def test_another_schema_is_refused_and_leaves_nothing(path: Path) -> None:
    SqliteStore(path).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version=99")
    with pytest.raises(OtherSchemaError, match="schema 99"):
        copy_store(path, path.parent / "copy.sqlite3", NOW)
    path.write_bytes(json.dumps({}).encode() * 2000)
    with pytest.raises(sqlite3.Error):
        copy_store(path, path.parent / "copy.sqlite3", NOW)
    assert list(path.parent.glob("copy*")) == []
