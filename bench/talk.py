"""Keeps many voices talking at 50 packets a second, spread over the frame: never one burst."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from bench.voice import FRAME_S, Voice

PHASES = 5
"""Ticks in a frame: one every 4 ms."""


class Talk:
    """`async with`, or `begin()` and `end()`: whoever `voices()` names at a tick speaks.

    `late_s` is how far the clock ever fell behind, and with it this process.
    """

    def __init__(self, voices: Callable[[], Sequence[Voice]]) -> None:
        self._voices = voices
        self._task: asyncio.Task[None] | None = None
        self.late_s = 0.0

    def begin(self) -> None:
        """In a running event loop."""
        self._task = asyncio.create_task(self._talk())

    async def end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def __aenter__(self) -> Self:
        self.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.end()

    async def _talk(self) -> None:
        due = time.monotonic()
        for tick in itertools.count():
            due += FRAME_S / PHASES
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self.late_s = max(self.late_s, time.monotonic() - due)
            for voice in self._voices()[tick % PHASES :: PHASES]:
                voice.speak()
