"""The store's file as a whole: whose it is, what is written and flushed, and that what was deleted leaves the log in time.

What has been written in `writing` survives this process when the block ends, and a power cut when `on_disk` returns.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog

from callseal.payments.ports import StoreUnavailable
from callseal.stores.log import BUSY, Emptying, close_without_log, flush_failed, forget_deleted, log_file
from callseal.stores.sqlite.database import lock, open_database, transaction
from callseal.stores.sqlite.flusher import Flusher

log = structlog.get_logger("callseal.store")

FORGET_WITHIN_S = 0.2


class StoreFile:
    """`path` is made if missing. One connection, one process, one thread. Raises `StoreTooNewError`, `StoreInUseError`."""

    def __init__(self, path: Path) -> None:
        self._lock = lock(path)
        self._path = path
        try:
            self.db = open_database(path)
            self._file = path.stat().st_ino
            self.flusher = Flusher(log_file(path))
            self._forgetting: asyncio.TimerHandle | None = None
            self._emptying = Emptying(log)
            # What an earlier run deleted and had no time to forget.
            self._to_forget = not forget_deleted(self.db)
            self._emptying.tried(BUSY if self._to_forget else "")
        except BaseException:
            os.close(self._lock)
            raise

    def close(self) -> None:
        """The last connection takes the log into the file and deletes it. After a flush that failed the log stays (`stores.log`)."""
        if self._forgetting is not None:
            self._forgetting.cancel()
        self.flusher.close()
        if self.flusher.failed:
            close_without_log(self.db, self._path)
        self.db.close()
        os.close(self._lock)

    async def on_disk(self) -> None:
        """Returns when everything that was written before is on the disk. Raises `StoreUnavailable`: it may not be."""
        await self.flusher.on_disk()

    def _gone(self) -> bool:
        """SQLite goes on writing into a file that nobody can find any more."""
        try:
            return self._path.stat().st_ino != self._file
        except OSError:
            return True

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction, or a part of the one that is open. Raises `StoreUnavailable`: nothing is written."""
        self.flusher.check()
        if self._gone():
            raise StoreUnavailable("gone")
        try:
            with transaction(self.db, flush=False):
                yield
        except sqlite3.OperationalError as error:
            self._heed(error)
            raise StoreUnavailable(error.sqlite_errorname) from error
        if not self.db.in_transaction:
            self.flusher.wrote()
            if self._to_forget:
                self._forget_soon()

    def forget_deleted(self) -> None:
        """What this transaction deletes is in no file within 0.2 s of its end."""
        self._to_forget = True

    def healthy(self) -> bool:
        """Whether the disk still takes a write, and into the file that a restart would find."""
        if self._gone() or self.flusher.failed:
            return False
        try:
            with transaction(self.db):
                # A row that comes and goes: nothing would be written for a statement that changes nothing.
                self.db.execute("INSERT OR REPLACE INTO seen VALUES ('', 'healthy', 0)")
                self.db.execute("DELETE FROM seen WHERE source = ''")
        except sqlite3.Error as error:
            self._heed(error)
            return False
        return True

    def _heed(self, error: sqlite3.Error) -> None:
        """SQLite flushes, too: in `healthy`, and whenever it takes the log into the database."""
        if flush_failed(error):
            self.flusher.fail(error)

    def _forget_soon(self) -> None:
        """Within 0.2 s, once for all calls that end meanwhile: the flushes of an emptied log are in everybody's way. Without a
        running event loop nobody else is there, and it is done at once."""
        if self._forgetting is not None:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._forget()
        else:
            self._forgetting = loop.call_later(FORGET_WITHIN_S, self._forget)

    def _forget(self) -> None:
        """Again and again, while somebody else reads the file. Not after a flush that failed (`stores.log`)."""
        self._forgetting = None
        if self.flusher.failed:
            return
        try:
            self._to_forget = not forget_deleted(self.db)
            self._emptying.tried(BUSY if self._to_forget else "")
        except sqlite3.OperationalError as error:
            self._heed(error)
            self._emptying.tried(error.sqlite_errorname)
        if self._to_forget and not self.flusher.failed:
            with suppress(RuntimeError):  # no loop: at the next write
                self._forgetting = asyncio.get_running_loop().call_later(FORGET_WITHIN_S, self._forget)
