"""Each POST once: the same key with the same body gets the stored answer, with another body a conflict.

Keys are remembered per session token (by hash) and path, in memory, for as long as the process lives.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field


class ConflictError(Exception):
    """The key was used with another body."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, to be answered again; a `passing` refusal (the call still rings) is not remembered."""

    status: int
    body: Mapping[str, object]
    passing: bool = False


@dataclass(slots=True)
class _Entry:
    digest: bytes
    answer: Answer | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Once:
    """`do()` runs `work` for a new key and remembers its answer; refusals are answers too."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], _Entry] = {}

    async def do(
        self, *, token: str, path: str, key: str, body: bytes, work: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """Raises `ConflictError`. Two requests with one key at the same time: the second waits for the first."""
        name = (hashlib.sha256(token.encode()).hexdigest(), path, key)
        digest = hashlib.sha256(body).digest()
        entry = self._known.setdefault(name, _Entry(digest))
        if entry.digest != digest:
            raise ConflictError(key)
        async with entry.lock:
            if entry.answer is not None:
                return entry.answer
            answer = await work()
            if not answer.passing:
                entry.answer = answer
            return answer
