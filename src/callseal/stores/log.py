"""The write-ahead log of a SQLite file (https://sqlite.org/wal.html): emptying it, and what becomes of it after a flush that failed.

A flush that fails takes the kernel's word with it: what could not be written counts as written from then on, lies in the cache and
maybe nowhere else, and the next flush succeeds. SQLite would take such a log into the database, and a power cut then, or a disk that
fails again, leaves a database of which half is older and no log that could mend it. So it is left alone, and whoever opens the file
next writes it once more before anything else: after that it is on the disk, or nothing has been touched.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import structlog

BUSY = "SQLITE_BUSY"
_CHUNK = 1 << 20


def log_file(path: Path) -> Path:
    """The log of the database at `path`; it is there as long as the database is open."""
    return path.with_name(path.name + "-wal")


def forget_deleted(database: sqlite3.Connection) -> bool:
    """Copy the overwritten pages into the database and truncate the log, so that no older copy of them is left. False: another
    program is reading, and the log is as it was. Waits for nobody."""
    (patience,) = database.execute("PRAGMA busy_timeout").fetchone()
    database.execute("PRAGMA busy_timeout=0").fetchall()
    try:
        busy, _, _ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        database.execute(f"PRAGMA busy_timeout={patience}").fetchall()
    return not busy


def flush_failed(error: BaseException) -> bool:
    """Whether SQLite could not flush. Any other error leaves things as they were."""
    return getattr(error, "sqlite_errorname", "") in {"SQLITE_IOERR_FSYNC", "SQLITE_IOERR_DIR_FSYNC"}


def write_log_again(database: sqlite3.Connection, path: Path) -> None:
    """For who has just opened `path`, before the log is taken into it. Raises `sqlite3.OperationalError` when the disk does not take
    it: the log and the database are as they were."""
    database.execute("BEGIN IMMEDIATE")  # nobody else writes meanwhile
    try:
        descriptor = os.open(log_file(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            at = 0
            while chunk := os.pread(descriptor, _CHUNK, at):
                at += os.pwrite(descriptor, chunk, at)
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise sqlite3.OperationalError(
            f"the disk does not take {log_file(path)}: {error.strerror}"
        ) from error
    finally:
        database.execute("ROLLBACK")


def close_without_log(database: sqlite3.Connection, path: Path) -> None:
    """Close, and leave the log as it is. The last connection takes it into the database, unless that one may not write."""
    with suppress(sqlite3.Error):  # the file is gone: so is the log
        last = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        with closing(last):
            last.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            database.close()
    database.close()


class Emptying:
    """Says once that the log cannot be emptied, and once that it could again: meanwhile what was deleted may be in it."""

    def __init__(self, log: structlog.stdlib.BoundLogger) -> None:
        self._log = log
        self._reason = ""

    def tried(self, reason: str) -> None:
        """`reason` is SQLite's name for what is in the way, empty when nothing was. Never its message: that may quote a row."""
        if reason and reason != self._reason:
            self._log.warning(
                "log_not_emptied", reason=reason, advice="SQLITE_BUSY: another program reads the file."
            )
        elif self._reason and not reason:
            self._log.info("log_emptied")
        self._reason = reason
