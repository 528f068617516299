"""`StorePort` on SQLite. One connection, one process, one thread; every public method is one transaction.

What a method has written survives this process when it returns, and a power cut when `on_disk` does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from callseal.payments.commands import Command
from callseal.payments.names import Do, PaymentsOff
from callseal.payments.ports import Answer, Change, FeedItem, PaymentsSwitch, Pending
from callseal.payments.session import Session
from callseal.stores.sqlite import records
from callseal.stores.sqlite.database import transaction
from callseal.stores.sqlite.file import StoreFile

MINUTE = 60_000
HOUR = 60 * MINUTE
KEEP_FEED = 30 * MINUTE  # a browser that was away longer asks for the whole list anyway
KEEP_ANSWERS = 24 * HOUR
KEEP_SEEN = 24 * HOUR  # longer than any sender retries
KEEP_ENDED = 24 * HOUR

_IN_STORE = (Do.NOTIFY, Do.FORGET_TOKEN)
_session: TypeAdapter[Session] = TypeAdapter(Session)
_command: TypeAdapter[Command] = TypeAdapter(Command)


class SqliteStore:
    """`path` is made if missing. Raises `StoreTooNewError`, `StoreInUseError`."""

    def __init__(self, path: Path) -> None:
        self._file = StoreFile(path)
        self._db = self._file.db
        self._writing = self._file.writing

    def close(self) -> None:
        self._file.close()

    async def on_disk(self) -> None:
        """Returns when everything that was written before is on the disk. Raises `StoreUnavailable`: it may not be."""
        await self._file.on_disk()

    def healthy(self) -> bool:
        """Whether the disk still takes a write, and into the file that a restart would find."""
        return self._file.healthy()

    # --- calls

    def load(self, reference: str) -> Session | None:
        return self._one("SELECT body FROM sessions WHERE reference = ?", reference)

    def by_partner_session(self, name: str) -> Session | None:
        return self._one("SELECT body FROM sessions WHERE partner_session = ?", name)

    def _one(self, query: str, argument: str) -> Session | None:
        row = self._db.execute(query, (argument,)).fetchone()
        return _session.validate_json(row[0]) if row else None

    def open_sessions(self) -> list[Session]:
        rows = self._db.execute("SELECT body FROM sessions WHERE open = 1 ORDER BY rowid").fetchall()
        return [_session.validate_json(body) for (body,) in rows]

    def live_sessions(self, tenant: str) -> list[Session]:
        """A tenant's calls that are not over, oldest first."""
        rows = self._db.execute(
            "SELECT body FROM sessions WHERE open = 1 AND tenant = ? ORDER BY rowid", (tenant,)
        ).fetchall()
        return [_session.validate_json(body) for (body,) in rows]

    def count_by_state(self) -> dict[str, int]:
        """How many open sessions are in which state."""
        return dict(
            self._db.execute("SELECT state, count(*) FROM sessions WHERE open = 1 GROUP BY state").fetchall()
        )

    def token(self, reference: str) -> str | None:
        row = self._db.execute("SELECT token FROM tokens WHERE reference = ?", (reference,)).fetchone()
        return str(row[0]) if row else None

    def commit(self, change: Change) -> list[Pending]:
        """Write everything the event caused; return the commands that now wait, in order."""
        with self._writing():
            self._put_session(change)
            if change.log.before == "":  # nothing was before a hand-off
                records.put_record(self._db, change.session)
            if change.token is not None:
                self._db.execute("INSERT INTO tokens VALUES (?, ?)", (change.session.reference, change.token))
            self._put_log(change)
            if change.seen is not None:
                self._db.execute("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", (*change.seen, change.at))
            if change.done is not None:
                self._db.execute("DELETE FROM outbox WHERE id = ?", (change.done,))
            if change.answer is not None:
                self._put_answer(change.answer, change.at)
            if change.card is not None:
                self._db.execute(
                    "INSERT INTO feed (tenant, reference, at, body) VALUES (?, ?, ?, ?)",
                    (change.session.tenant, change.session.reference, change.at, _json(change.card)),
                )
            pending = [
                self._put_pending(command) for command in change.commands if command.do not in _IN_STORE
            ]
            if change.forget_token:
                self._db.execute("DELETE FROM tokens WHERE reference = ?", (change.session.reference,))
                self._file.forget_deleted()
        return pending

    @contextmanager
    def together(self) -> Iterator[None]:
        """One transaction for every commit in the block. Raises `StoreUnavailable`: none of them is written."""
        with self._writing():
            yield

    def _put_session(self, change: Change) -> None:
        session = change.session
        self._db.execute(
            "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (reference) DO UPDATE SET"
            " state = excluded.state, open = excluded.open, changed_at = excluded.changed_at, body = excluded.body",
            (
                session.reference,
                session.tenant,
                str(session.state),
                int(not session.over),
                session.partner_session,
                change.at,
                _session.dump_json(session).decode(),
            ),
        )

    def _put_log(self, change: Change) -> None:
        entry = change.log
        self._db.execute(
            "INSERT INTO events (reference, at, source, name, before, after, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                change.session.reference,
                change.at,
                entry.source,
                entry.name,
                entry.before,
                entry.after,
                _json(entry.body),
            ),
        )

    def history(self, reference: str) -> list[dict[str, Any]]:
        """Every logged event of a call, oldest first."""
        return records.history(self._db, reference)

    def record(self, reference: str) -> dict[str, Any] | None:
        """The call record, also of a call whose session is forgotten; None for a call that never was."""
        return records.read_record(self._db, reference)

    # --- commands

    def _put_pending(self, command: Command) -> Pending:
        body = _command.dump_json(command).decode()
        cursor = self._db.execute(
            "INSERT INTO outbox (reference, body) VALUES (?, ?)", (command.reference, body)
        )
        return Pending(int(cursor.lastrowid or 0), command, None)

    def pending(self) -> list[Pending]:
        rows = self._db.execute("SELECT id, body, attempted_at FROM outbox ORDER BY id").fetchall()
        return [Pending(number, _command.validate_json(body), at) for number, body, at in rows]

    def mark_attempted(self, pending: int, now: int) -> None:
        with self._writing():
            self._db.execute("UPDATE outbox SET attempted_at = ? WHERE id = ?", (now, pending))

    def drop_pending(self, pending: int) -> None:
        """Not flushed: a command that a power cut brings back is repeated under its key, and a charge is asked about."""
        self._file.flusher.check()
        with transaction(self._db, flush=False):
            self._db.execute("DELETE FROM outbox WHERE id = ?", (pending,))

    # --- once and only once

    def seen(self, source: str, name: str) -> bool:
        return (
            self._db.execute("SELECT 1 FROM seen WHERE source = ? AND id = ?", (source, name)).fetchone()
            is not None
        )

    def answer(self, scope: str, key: str) -> Answer | None:
        row = self._db.execute(
            "SELECT fingerprint, status, body FROM answers WHERE scope = ? AND key = ?", (scope, key)
        ).fetchone()
        return Answer(scope, key, row[0], row[1], json.loads(row[2])) if row else None

    def keep_answer(self, answer: Answer, now: int) -> None:
        with self._writing():
            self._put_answer(answer, now)

    def _put_answer(self, answer: Answer, now: int) -> None:
        self._db.execute(
            "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?)",
            (answer.scope, answer.key, answer.fingerprint, answer.status, _json(answer.body), now),
        )

    # --- the browsers' stream

    def feed_after(self, last: int, tenant: str, limit: int = 100) -> list[FeedItem]:
        rows = self._db.execute(
            "SELECT id, tenant, reference, body FROM feed WHERE id > ? AND tenant = ? ORDER BY id LIMIT ?",
            (last, tenant, limit),
        )
        return [FeedItem(*row) for row in rows]

    def feed_end(self) -> int:
        """The newest id ever given out, also when its row is pruned."""
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'feed'").fetchone()
        return int(row[0]) if row else 0

    def feed_start(self) -> int:
        """The oldest id that can be resumed after."""
        row = self._db.execute("SELECT min(id) FROM feed").fetchone()
        return int(row[0]) - 1 if row[0] is not None else self.feed_end()

    # --- logins

    def keep_login(self, name: str, login: str, tenant: str, expires_at: int) -> None:
        with self._writing():
            self._db.execute("INSERT INTO logins VALUES (?, ?, ?, ?)", (name, login, tenant, expires_at))

    def login(self, name: str, now: int) -> tuple[str, str] | None:
        """`(login, tenant)` of a cookie's hash while it is valid."""
        row = self._db.execute(
            "SELECT login, tenant FROM logins WHERE name = ? AND expires_at > ?", (name, now)
        ).fetchone()
        return (row[0], row[1]) if row else None

    def drop_login(self, name: str) -> None:
        with self._writing():
            self._db.execute("DELETE FROM logins WHERE name = ?", (name,))

    # --- payments off for every call

    def payments_switch(self) -> PaymentsSwitch | None:
        """Why payments are off for every call; None: they are on."""
        row = self._db.execute("SELECT reason, at, by FROM payments_switch").fetchone()
        return PaymentsSwitch(PaymentsOff(row[0]), row[1], row[2]) if row else None

    def switch_payments(self, off: PaymentsSwitch | None) -> None:
        """None: on."""
        with self._writing():
            self._db.execute("DELETE FROM payments_switch")
            if off is not None:
                self._db.execute(
                    "INSERT INTO payments_switch VALUES (1, ?, ?, ?)", (str(off.reason), off.at, off.by)
                )

    # --- housekeeping

    def prune(self, now: int) -> None:
        """Forget what nobody can need any more. The history of calls stays."""
        with self._writing():
            self._db.execute("DELETE FROM feed WHERE at < ?", (now - KEEP_FEED,))
            self._db.execute("DELETE FROM answers WHERE at < ?", (now - KEEP_ANSWERS,))
            self._db.execute("DELETE FROM seen WHERE at < ?", (now - KEEP_SEEN,))
            self._db.execute("DELETE FROM logins WHERE expires_at <= ?", (now,))
            self._db.execute("DELETE FROM sessions WHERE open = 0 AND changed_at < ?", (now - KEEP_ENDED,))


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
