"""Opening the file: pragmas, migrations, and making sure that what is deleted is gone.

A write-ahead log: a commit survives `kill -9`, and a power cut once the log is flushed (`flusher`).
`secure_delete=ON` overwrites deleted content in the database, but the write-ahead log still holds the old page until it is
truncated, so forgetting is delete *and* checkpoint.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from callseal.stores.log import close_without_log, write_log_again

_FOLDER = "migrations"
_PATIENCE_S = 1.0


class StoreTooNewError(Exception):
    """The file was written by a newer version: going back is not possible, and guessing is not safe."""


class StoreInUseError(Exception):
    """Another desk has this file. Two on one store would carry out each other's commands."""


def lock(path: Path) -> int:
    """Take the store for this process; the kernel lets go when the process ends, however it ends. Raises `StoreInUseError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise StoreInUseError(f"{path} is in use by another desk") from None
    return descriptor


def migrations() -> list[tuple[int, str]]:
    """`(number, SQL)` of every migration, in order; numbers begin with 1 and have no gaps."""
    files = sorted(
        entry.name
        for entry in resources.files(__package__).joinpath(_FOLDER).iterdir()
        if entry.name.endswith(".sql")
    )
    found = [
        (
            int(name.split("_")[0]),
            resources.files(__package__).joinpath(_FOLDER, name).read_text(encoding="utf-8"),
        )
        for name in files
    ]
    if [number for number, _ in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"migrations are not numbered 1, 2, 3 ...: {files}")
    return found


def open_database(path: Path) -> sqlite3.Connection:
    """The file at `path`, made if missing (mode 0600), at the newest schema. Raises `StoreTooNewError`, `sqlite3.Error`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    # Only foreign tools can be in the way (the file is locked against a second desk), and the whole desk waits with us.
    database = sqlite3.connect(path, isolation_level=None, timeout=_PATIENCE_S)
    try:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("PRAGMA secure_delete=ON")
        database.execute("PRAGMA temp_store=MEMORY")
        write_log_again(database, path)
        migrate(database, migrations())
    except BaseException:
        close_without_log(database, path)
        raise
    return database


def migrate(database: sqlite3.Connection, steps: list[tuple[int, str]]) -> None:
    """Forward only, each step in a transaction with its `user_version`: a crash leaves the step done or not begun."""
    version: int = database.execute("PRAGMA user_version").fetchone()[0]
    if version > len(steps):
        path = database.execute("PRAGMA database_list").fetchone()[2]
        raise StoreTooNewError(
            f"{path} was written by a newer version of Callseal (schema {version}, this one knows {len(steps)}):"
            " start that one again, or put a backup in its place (docs/how-to/upgrade.md#going-back)"
        )
    for number, sql in steps[version:]:
        try:
            database.executescript(f"BEGIN IMMEDIATE;\n{sql}\nPRAGMA user_version={number};\nCOMMIT;")
        except sqlite3.Error:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise


@contextmanager
def transaction(database: sqlite3.Connection, *, flush: bool = True) -> Iterator[None]:
    """All or nothing; on disk when it ends. `flush=False` does not wait for the disk: it survives this process, but not a power
    cut within the next moments. Inside another one it is a part of that: undone alone, on disk with it."""
    if database.in_transaction:
        with _part(database):
            yield
        return
    database.execute(f"PRAGMA synchronous={'FULL' if flush else 'NORMAL'}")
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        _undo(database)
        raise


def _undo(database: sqlite3.Connection) -> None:
    if database.in_transaction:  # a full disk has undone it already
        database.execute("ROLLBACK")


@contextmanager
def _part(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("SAVEPOINT part")
    try:
        yield
    except BaseException:
        if database.in_transaction:  # a full disk undoes the whole
            database.execute("ROLLBACK TO part")
            database.execute("RELEASE part")
        raise
    database.execute("RELEASE part")
