"""One lock a call reference, kept only while somebody holds or awaits it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class ReferenceLocks:
    """`async with locks(reference):` - steps on one call happen one after the other, calls do not wait for each other."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def __call__(self, reference: str) -> AsyncIterator[None]:
        lock, users = self._locks.get(reference, (asyncio.Lock(), 0))
        self._locks[reference] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks[reference]
            if users == 1:
                del self._locks[reference]
            else:
                self._locks[reference] = (lock, users - 1)
