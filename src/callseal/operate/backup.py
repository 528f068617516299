"""`callseal backup`: the desk's store into a file that may leave the machine."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from callseal.observe.errors import Error
from callseal.stores.sqlite.backup import Copied, OtherSchemaError, copy_store


class BackupError(Error):
    """There is no copy."""

    id = "no_backup"


def back_up(store: Path, folder: Path, now: int) -> tuple[Path, Copied]:
    """Copy the desk's store into `folder`, which is made when it is missing; the copy is named after `now` (unix ms).

    Raises `BackupError`, `OSError`.
    """
    moment = datetime.fromtimestamp(now / 1000, UTC)
    target = folder / f"desk-{moment:%Y%m%dT%H%M%SZ}.sqlite3"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if target.exists():
        raise BackupError(f"{target} is there already", advice="Run the command again in a second.")
    try:
        return target, copy_store(store, target, now)
    except OtherSchemaError as error:
        raise BackupError(
            f"{store} is not of this version: {error}",
            advice="Use the `callseal` of the version that the desk runs.",
        ) from None
    except sqlite3.Error as error:
        raise BackupError(
            f"{store} cannot be copied: {error}",
            advice="Run this on the desk's host, as its user or as root; is there room in the folder?",
        ) from None
