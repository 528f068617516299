"""On a shared machine: which sessions the scheduler serves first."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")


def prefer(leaders: Iterable[int], niceness: int, proc: Path = PROC) -> int:
    """Give the sessions of these processes that niceness; returns how many took it.

    Every daemon leads a session, and with autogroups the kernel shares the CPU between sessions first: the niceness of a process counts only
    within its own (sched(7)). Without autogroups nothing is there to be written, and `nice` does it.
    """
    taken = 0
    for pid in leaders:
        with suppress(OSError):
            (proc / str(pid) / "autogroup").write_text(str(niceness), encoding="ascii")
            taken += 1
    return taken
