"""The agent's one file on disk, as it is opened: readable by its owner only, at the newest schema.

WAL with `synchronous=FULL`; `secure_delete` overwrites what is deleted. SQLite never takes the log into the file by itself: it would tell
nobody of a flush that failed then, and the next one succeeds (`stores.log`).
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from callseal.stores.log import close_without_log, write_log_again

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        reference TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('handoff', 'event')),
        idempotency_key TEXT NOT NULL UNIQUE,
        body TEXT NOT NULL,
        queued_at INTEGER NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        not_before INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX outbox_order ON outbox (reference, id);
    CREATE TABLE holds (
        reference TEXT PRIMARY KEY,
        call_id TEXT NOT NULL,
        node TEXT NOT NULL,
        expires_at INTEGER NOT NULL,
        limit_at INTEGER NOT NULL,
        media INTEGER NOT NULL,
        cseq INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE calls (
        reference TEXT PRIMARY KEY,
        customer_call_id TEXT NOT NULL,
        agent_call_id TEXT NOT NULL,
        node TEXT NOT NULL,
        seen_at INTEGER NOT NULL
    ) STRICT;
    """,
    """
    CREATE TABLE lost_forks (
        reference TEXT NOT NULL,
        leg TEXT NOT NULL,
        tags TEXT NOT NULL,
        lost_at INTEGER NOT NULL,
        PRIMARY KEY (reference, leg)
    ) STRICT;
    """,
    """
    ALTER TABLE outbox ADD COLUMN due_by INTEGER NOT NULL DEFAULT 0;
    """,
)
"""Forward only; the number of applied entries is `user_version`. Times are unix milliseconds."""


class StateTooNewError(Exception):
    """A newer version wrote the file: going back is not possible, and guessing is not safe. Nothing in it was changed."""


def open_state(path: Path) -> sqlite3.Connection:
    """The file at `path`, made if missing. Raises `sqlite3.Error`, `OSError`, `StateTooNewError`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # SQLite gives the log files beside it the mode of the main file.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.fchmod(descriptor, 0o600)
    os.close(descriptor)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.row_factory = sqlite3.Row
    try:
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "secure_delete=ON",
            "busy_timeout=2000",
            "wal_autocheckpoint=0",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        write_log_again(connection, path)
        _migrate(connection, path)
    except BaseException:
        close_without_log(connection, path)
        raise
    return connection


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise StateTooNewError(
            f"{path} was written by a newer version of Callseal (schema {version}, this one knows {len(MIGRATIONS)}):"
            " start that one again, or put the file away once nothing waits in it (docs/how-to/upgrade.md#going-back)"
        )
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.executescript(f"BEGIN IMMEDIATE;{script}PRAGMA user_version={number};COMMIT;")
