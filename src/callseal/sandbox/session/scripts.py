"""The tasks of one session: what takes time runs here, and what breaks is logged and stays here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine

log = logging.getLogger(__name__)


class Scripts:
    """Moving media is the one script of a session, which the end of its call cancels; everything else is let finish."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._script: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, script: Coroutine[object, object, None]) -> None:
        """Begin the script."""
        self._script = self._task(script)

    def let(self, work: Coroutine[object, object, None]) -> None:
        """Begin something beside it."""
        self._task(work)

    def cancel(self) -> None:
        """Stop the script where it is."""
        if self._script is not None:
            self._script.cancel()

    def _task(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Only the kind: an exception's text may hold what it was about.
            log.error(
                "session_script_failed", extra={"session": self._session, "error": type(error).__name__}
            )
