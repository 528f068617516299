"""Paces the keys of a `press`: one after the other, each with its length and the gap after it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from callseal.phones.commands import Method, Press

Send = Callable[[str, Method, int, int], None]
"""(digit, method, duration in ms, gap in ms): put one key on the wire now."""

Done = Callable[[Method, int], None]
"""(method, how many keys): the last key of one `press` and its gap are over."""


@dataclass(frozen=True, slots=True)
class _Key:
    digit: str
    method: Method
    duration_ms: int
    gap_ms: int
    # How many keys its press had, on the last of them; 0 on the others.
    completes: int


class Presser:
    """Keys wait here and leave at `tick(now)`, `now` in seconds of any monotonic clock."""

    def __init__(self, *, send: Send, done: Done) -> None:
        self._send = send
        self._done = done
        self._keys: deque[_Key] = deque()
        self._held: _Key | None = None
        self._free_at = 0.0

    @property
    def busy(self) -> bool:
        return self._held is not None or bool(self._keys)

    def press(self, command: Press, now: float) -> None:
        """Queue behind what is still being pressed, and send the first key at once when nothing is."""
        last = len(command.digits) - 1
        for index, digit in enumerate(command.digits):
            completes = len(command.digits) if index == last else 0
            self._keys.append(_Key(digit, command.method, command.duration_ms, command.gap_ms, completes))
        self.tick(now)

    def tick(self, now: float) -> None:
        """Send what is due. A late tick delays the later keys, it never shortens a key or a gap."""
        if self._held is not None and now >= self._free_at:
            released, self._held = self._held, None
            if released.completes:
                self._done(released.method, released.completes)
        if self._held is None and self._keys:
            self._held = self._keys.popleft()
            self._free_at = now + (self._held.duration_ms + self._held.gap_ms) / 1000
            self._send(self._held.digit, self._held.method, self._held.duration_ms, self._held.gap_ms)

    def clear(self) -> None:
        """Forget every key: the call is over."""
        self._keys.clear()
        self._held = None
