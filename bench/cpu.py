"""CPU time of whole processes: what they cost, whoever else uses the machine. Wall time is never used for a ratio of CPU.

Which processes, says /proc; how long each was on a CPU, says its own clock in nanoseconds, ended threads included (rtpengine
starts and ends some). The counters of /proc/PID/stat are right to 10 ms only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")


def members(group: int, proc: Path = PROC) -> list[int]:
    """Process ids of a process group: a daemon of the lab leads one, and its children stay in it."""
    found = []
    for stat in proc.glob("[0-9]*/stat"):
        try:
            text = stat.read_text(encoding="utf-8", errors="replace")
        except OSError:  # it ended while we looked
            continue
        # The name stands in brackets and may hold anything: state, parent and group follow the last bracket.
        if int(text.rpartition(")")[2].split()[2]) == group:
            found.append(int(stat.parent.name))
    return sorted(found)


def clock_of(pid: int) -> int:
    """The id of a process's CPU clock, as clock_getcpuclockid(3) makes it: all its threads, those that have ended too."""
    return (~pid << 3) | 2


def spent(pids: Iterable[int], read: Callable[[int], float] = time.clock_gettime) -> float:
    """Seconds on a CPU so far, user and system, of these processes. One that has ended is 0."""
    total = 0.0
    for pid in pids:
        with suppress(OSError):
            total += read(clock_of(pid))
    return total


class CpuMeter:
    """CPU time of one process group between two looks."""

    def __init__(
        self, group: int, proc: Path = PROC, read: Callable[[int], float] = time.clock_gettime
    ) -> None:
        self._read = read
        self._pids = members(group, proc)
        if not self._pids:
            raise ValueError(f"no process in group {group}")
        self._last = spent(self._pids, read)

    def lap(self) -> float:
        """Seconds since the last lap (or since the start)."""
        now = spent(self._pids, self._read)
        taken, self._last = now - self._last, now
        return taken
