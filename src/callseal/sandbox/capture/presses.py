"""One press, heard twice: the same key arrives in the media (RFC 4733, or a tone) and in SIP INFO, and counts once.

Some phones and many gateways send both. Each transport is a list of keys; two lists that tell the same story differ
only by their delay. So a key from one transport is the echo of the oldest key that the *other* transport brought
within the window and that has no echo yet. Two equal keys pressed one after the other stay two, because each of them
brings its own echo.
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum


class Transport(StrEnum):
    MEDIA = "media"
    INFO = "info"


class Presses:
    """Tells first hearings from echoes; `window_s` is how late an echo may be."""

    def __init__(self, window_s: float = 1.0) -> None:
        self._window_s = window_s
        self._heard: dict[Transport, deque[tuple[str, float]]] = {one: deque() for one in Transport}

    def is_new(self, key: str, transport: Transport, *, now: float) -> bool:
        """True for a press that counts, False for the echo of one that counted already."""
        other = self._heard[Transport.INFO if transport is Transport.MEDIA else Transport.MEDIA]
        for heard in self._heard.values():
            while heard and now - heard[0][1] > self._window_s:
                heard.popleft()
        for at, (earlier, _) in enumerate(other):
            if earlier == key:
                # An echo proves that everything before it was lost on this transport: forget that too.
                for _ in range(at + 1):
                    other.popleft()
                return False
        self._heard[transport].append((key, now))
        return True

    def forget(self) -> None:
        """Drop what was remembered (keys are card digits)."""
        for heard in self._heard.values():
            heard.clear()
