"""An audit of files, and how far it is for who watches it."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

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


def audit_files(captures: list[Path], options: Any, *, made_at: int) -> list[Any]:
    """The calls in `captures`, judged. `options`: `audit.command.Options`; `made_at`: Unix seconds, for the verdicts.

    The audit must have been loaded (`audit.libraries`). Raises what `audit.command.open_file` and `audit` raise.
    """
    from callseal.audit.command import audit, open_file  # noqa: PLC0415

    with ExitStack() as stack:
        named = [open_file(path) for path in captures]
        for one in named:
            stack.callback(one.source.close)
        bar = stack.enter_context(Bar(sum(path.stat().st_size for path in captures)))
        return audit(named, options, made_at=made_at, progress=bar.more, judged=bar.judged)
