"""CPU of whole processes: every process of the group, and nobody else's."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.cpu import CpuMeter, clock_of, members, spent

pytestmark = pytest.mark.unit

BUSY = "import threading, time\nthread = threading.Thread(target=lambda: sum(range(3_000_000)))\nthread.start()\nthread.join()\nprint(flush=True)\ntime.sleep(60)"


def process(proc: Path, pid: int, group: int, name: str) -> None:
    (proc / str(pid)).mkdir(parents=True)
    (proc / str(pid) / "stat").write_text(f"{pid} ({name}) S 1 {group} {group} 0 -1\n")


def test_a_group_is_all_its_processes(tmp_path: Path) -> None:
    process(tmp_path, 10, 10, "kamailio")
    process(tmp_path, 12, 10, "odd) 3 (name")
    process(tmp_path, 99, 98, "kamailio")
    assert members(10, tmp_path) == [10, 12]


def test_a_lap_is_what_came_since_the_last(tmp_path: Path) -> None:
    process(tmp_path, 10, 10, "x")
    process(tmp_path, 11, 10, "x")
    clocks = {clock_of(10): 1.0, clock_of(11): 2.0}
    meter = CpuMeter(10, tmp_path, clocks.__getitem__)
    clocks[clock_of(10)] += 0.25
    clocks[clock_of(11)] += 0.5
    assert meter.lap() == 0.75
    assert meter.lap() == 0.0


def test_a_group_of_nobody_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no process in group 10"):
        CpuMeter(10, tmp_path)


def test_this_very_process_is_measured() -> None:
    before, cpu = spent([os.getpid()]), time.process_time()
    while time.process_time() - cpu < 0.1:
        pass
    assert 0.09 < spent([os.getpid()]) - before < 5


def test_another_process_with_a_thread_that_has_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert spent([other.pid]) > 0.02
        other.kill()
    assert spent([other.pid]) == 0
