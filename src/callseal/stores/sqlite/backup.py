"""A copy of the desk's store that may leave the machine: what has happened, and nothing that is still under way.

Row by row into a new file, read in one transaction beside a desk that is running. A copy of the file's pages would have the tokens
of live calls in it, also those deleted a moment ago. And it would be read as a desk that was down for a while and knows what it
had sent: of a charge that waited in its outbox it would say that it was never sent, though it went out right after the copy.

So the copy has no token, no outbox, no login, no answer and no update for browsers, and every call in it is over. A desk that
starts on it has nothing to secure or to charge; it asks about charges whose outcome was open, which needs no token.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from callseal.payments import engine
from callseal.payments.events import CallEnded
from callseal.payments.names import Event, State
from callseal.payments.session import Session
from callseal.stores.sqlite.database import migrations, open_database

_PATIENCE_S = 5.0
_WHOLE = ("records", "events", "seen", "payments_switch")
"""Copied as they are. `records` and `events` are the history, `seen` keeps a message that comes again from counting twice."""
_session: TypeAdapter[Session] = TypeAdapter(Session)


class OtherSchemaError(Exception):
    """The store is of another version of Callseal, whose tables this one does not know."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What is in a copy. `calls`: with a record. `closed`: of them under way in the store, over in the copy. `asking`: over, with
    a charge whose outcome is open."""

    calls: int
    closed: int
    asking: int


def copy_store(source: Path, target: Path, now: int) -> Copied:
    """Write `target` (new, mode 0600), on the disk under its name only when it is whole. `now` unix ms.

    Raises `OtherSchemaError`, `sqlite3.Error` (no store, or it cannot be read), `OSError`.
    """
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        with closing(_reading(source)) as store, closing(open_database(part)) as copy:
            copy.execute("BEGIN IMMEDIATE")
            copied = _fill(store, copy, now)
            copy.execute("COMMIT")
            if copy.execute("PRAGMA quick_check").fetchall() != [("ok",)]:
                raise sqlite3.DatabaseError("the copy is damaged")
        _settle(part, target)
    finally:
        part.unlink(missing_ok=True)
    return copied


def _reading(source: Path) -> sqlite3.Connection:
    """One moment of the store, whatever the desk writes meanwhile. The desk waits for nothing but the emptying of its log."""
    store = sqlite3.connect(
        f"{source.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=_PATIENCE_S
    )
    try:
        store.execute("BEGIN")
        _of_this_version(store)
    except BaseException:
        store.close()
        raise
    return store


def _of_this_version(store: sqlite3.Connection) -> None:
    (version,) = store.execute("PRAGMA user_version").fetchone()
    if version != len(migrations()):
        raise OtherSchemaError(f"the store has schema {version}, this version knows {len(migrations())}")


def _fill(store: sqlite3.Connection, copy: sqlite3.Connection, now: int) -> Copied:
    for table in _WHOLE:
        _copy_rows(store, copy, table, f"SELECT * FROM {table}")  # noqa: S608 - names of our own
    closed = asking = 0
    for (body,) in store.execute("SELECT body FROM sessions ORDER BY rowid"):
        before = _session.validate_json(body)
        session = _over(before, now)
        closed += before.state is not State.ENDED
        asking += session.charge_open
        _put(copy, before, session, now)
    # Numbers go on where they were: a browser's stream would not be told what has an older number than it has seen.
    copy.execute("DELETE FROM sqlite_sequence")
    _copy_rows(
        store,
        copy,
        "sqlite_sequence",
        "SELECT name, CASE name WHEN 'events' THEN seq + ? ELSE seq END FROM sqlite_sequence",
        (closed,),
    )
    (calls,) = copy.execute("SELECT count(*) FROM records").fetchone()
    return Copied(calls, closed, asking)


def _copy_rows(
    store: sqlite3.Connection,
    copy: sqlite3.Connection,
    table: str,
    query: str,
    arguments: tuple[int, ...] = (),
) -> None:
    rows = store.execute(query, arguments)
    places = ", ".join("?" for _ in rows.description)
    copy.executemany(f"INSERT INTO {table} VALUES ({places})", rows)  # noqa: S608 - names of our own


def _over(session: Session, now: int) -> Session:
    """The call as one that has ended. A charge whose outcome is open is asked about as soon as a desk starts on the copy; only
    until it is known does the copy hold whose number it was, and the card's last digits."""
    if session.state is not State.ENDED:
        session, _ = engine.handle(
            session, CallEnded(), now
        )  # what it would do is nobody's business any more
    if session.charge is not None and session.charge_open:
        return replace(session, charge=replace(session.charge, next_query_at=now))
    return replace(session, caller="", called="", result=None)


def _put(copy: sqlite3.Connection, before: Session, session: Session, now: int) -> None:
    copy.execute(
        "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            session.reference,
            session.tenant,
            str(session.state),
            int(not session.over),
            session.partner_session,
            now,
            _session.dump_json(session).decode(),
        ),
    )
    if before.state is not State.ENDED:
        copy.execute(
            "INSERT INTO events (reference, at, source, name, before, after, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                session.reference,
                now,
                "backup",
                str(Event.CALL_ENDED),
                str(before.state),
                str(State.ENDED),
                "{}",
            ),
        )


def _settle(part: Path, target: Path) -> None:
    """On the disk, then under its name."""
    for path, flags in ((part, os.O_RDONLY), (target.parent, os.O_RDONLY | os.O_DIRECTORY)):
        descriptor = os.open(path, flags | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if path is part:
            part.rename(target)
