"""What the store said was written is there after `kill -9`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from callseal.stores.sqlite import SqliteStore
from tests.support.fresh_session import FRESH

pytestmark = pytest.mark.integration


_WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from dataclasses import replace
from callseal.payments.ports import Change
from callseal.stores.sqlite import SqliteStore
from tests.support.fresh_session import FRESH, LOG, NOW
store = SqliteStore(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    store.commit(Change(replace(FRESH, version=number), NOW, LOG, card={{"n": number}}))
    print(number, flush=True)
"""


def test_what_was_committed_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "desk.sqlite3"
    code = _WRITER.format(root=str(Path(__file__).parents[3]))
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        last = 0
        while last < 20:
            last = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.stdout.read().split("\n")
        last = max([last, *(int(line) for line in rest[:-1])])
    store = SqliteStore(path)
    session = store.load(FRESH.reference)
    assert session is not None
    assert session.version >= last
    assert len(store.history(FRESH.reference)) == session.version
    assert store.healthy()
    store.close()
