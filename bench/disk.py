"""How long a flush takes where the state is."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

PROBE_S = 0.2
PAGE = 4096


class Disk:
    """How long a flush takes where the state is, asked five times a second while calls come."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "flush-probe"
        self.samples: list[float] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Disk:
        self._task = asyncio.create_task(self._probe())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _probe(self) -> None:
        while True:
            self.samples.append(await asyncio.to_thread(self._flush))
            await asyncio.sleep(PROBE_S)

    def _flush(self) -> float:
        with self._path.open("ab") as probe:
            probe.write(b"\0" * PAGE)
            probe.flush()
            start = time.monotonic()
            os.fsync(probe.fileno())
            return time.monotonic() - start
