"""A daemon of the lab: what is stopped is gone, whether it wants to be or not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from callseal.lab import daemon
from callseal.lab.daemon import Daemon

pytestmark = pytest.mark.unit

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"


def test_one_that_does_not_end_is_killed_and_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it is left, also no entry in the table of processes."""
    monkeypatch.setattr(daemon, "STOP_S", 1.0)
    deaf = Daemon("deaf", [sys.executable, "-c", DEAF], log=tmp_path / "log").start().wait_ready()
    pid = deaf.pid
    deaf.stop()
    assert deaf.process is not None
    assert deaf.process.returncode is not None
    assert not Path(f"/proc/{pid}").exists()
