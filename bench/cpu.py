"""CPU time of whole processes, read from /proc: what they cost, whoever else uses the machine.

Wall time is never used for a ratio of CPU. `schedstat` counts nanoseconds on a CPU for every thread; the tick counters of
`stat` would be right to 10 ms only.
"""

from __future__ import annotations

from collections.abc import Iterable
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


def spent(pids: Iterable[int], proc: Path = PROC) -> float:
    """Seconds on a CPU so far, user and system, of all threads of these processes. A thread that ended does not count."""
    total = 0
    for pid in pids:
        for schedstat in (proc / str(pid) / "task").glob("*/schedstat"):
            try:
                total += int(schedstat.read_text(encoding="ascii").split()[0])
            except OSError:
                continue
    return total / 1e9


class CpuMeter:
    """CPU time of one process group between two looks."""

    def __init__(self, group: int, proc: Path = PROC) -> None:
        self._proc = proc
        self._pids = members(group, proc)
        if not self._pids:
            raise ValueError(f"no process in group {group}")
        self._last = spent(self._pids, proc)

    def lap(self) -> float:
        """Seconds since the last lap (or since the start)."""
        now = spent(self._pids, self._proc)
        taken, self._last = now - self._last, now
        return taken
