"""How far an audit is, for who watches it."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn


class Bar:
    """A progress bar on standard error, when it is a terminal and the file takes a while."""

    SHORTEST = 32 << 20

    def __init__(self, total: int) -> None:
        self._progress: Progress | None = None
        if sys.stderr.isatty() and total >= self.SHORTEST:
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                DownloadColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._progress.add_task("reading", total=total)

    def more(self, octets: int) -> None:
        if self._progress is not None:
            self._progress.advance(self._task, octets)

    def judged(self, done: int, calls: int) -> None:
        """The file is read; each call is tested and judged, and of these there may be thousands."""
        if self._progress is not None:
            self._progress.update(self._task, description=f"call {done} of {calls}")

    def __enter__(self) -> Bar:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()
