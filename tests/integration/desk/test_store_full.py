"""A disk that is really full: the store refuses, says that it is not healthy, and goes on when there is room again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from callseal.payments.ports import Change, LogEntry, StoreUnavailable
from callseal.stores.sqlite import SqliteStore
from tests.support.fresh_session import FRESH, NOW

pytestmark = pytest.mark.integration


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("root is missing: a small file system must be mounted")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_full_disk(small_disk: Path) -> None:
    store = SqliteStore(small_disk / "desk.sqlite3")
    change = Change(FRESH, NOW, LogEntry("test", "test", "", "", {}))
    store.commit(change)
    assert store.healthy()
    with pytest.raises(OSError, match="No space"):
        (small_disk / "filler").write_bytes(b"x" * 2_000_000)
    assert not store.healthy()
    with pytest.raises(StoreUnavailable):
        store.commit(replace(change, session=replace(FRESH, number="+44" + "0" * 9_000)))
    (small_disk / "filler").unlink()
    assert store.healthy()
    store.commit(change)
    store.close()
