"""Wakes the browsers' streams. It carries no data: a stream reads what is new from the store, so nothing can fall between."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Hub:
    def __init__(self) -> None:
        self._listeners: set[asyncio.Event] = set()
        self.closed = False

    @contextmanager
    def listen(self) -> Iterator[asyncio.Event]:
        """An event that is set whenever something may be new."""
        listener = asyncio.Event()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def wake(self) -> None:
        for listener in self._listeners:
            listener.set()

    def close(self) -> None:
        """Let every stream end, so that the process can."""
        self.closed = True
        self.wake()

    def __len__(self) -> int:
        return len(self._listeners)
