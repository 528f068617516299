"""Keeps many voices talking at 50 packets a second, spread over the frame: never one burst."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from bench.peers import FRAME_S, PHASES, Voice


class Talk:
    """`async with Talk(voices)`: all of them speak until the end. `late_s` is how far the clock ever fell behind."""

    def __init__(self, voices: Sequence[Voice]) -> None:
        self._phases = [voices[phase::PHASES] for phase in range(PHASES)]
        self._task: asyncio.Task[None] | None = None
        self.late_s = 0.0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._talk())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _talk(self) -> None:
        due = time.monotonic()
        for tick in itertools.count():
            due += FRAME_S / PHASES
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self.late_s = max(self.late_s, time.monotonic() - due)
            for voice in self._phases[tick % PHASES]:
                voice.speak()
