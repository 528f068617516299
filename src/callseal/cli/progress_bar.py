"""How far an audit is: a bar on the terminal."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

SHORTEST = 32 << 20
"""Octets; what is smaller is read before a bar is of use."""


class ProgressBar:
    """Drawn on standard error, when that is a terminal and `total` octets take a while. `with` shows and removes it."""

    def __init__(self, total: int) -> None:
        self._progress: Progress | None = None
        if sys.stderr.isatty() and total >= SHORTEST:
            self._progress = Progress(
                "auditing",
                BarColumn(),
                DownloadColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._progress.add_task("audit", total=total)

    def more(self, octets: int) -> None:
        """So many more are read."""
        if self._progress is not None:
            self._progress.advance(self._task, octets)

    def __enter__(self) -> ProgressBar:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()
