"""The clock of a process: what is handed in wherever something asks for the time."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000


def this_month() -> tuple[int, int]:
    """(year, month) in UTC."""
    now = time.gmtime()
    return now.tm_year, now.tm_mon
