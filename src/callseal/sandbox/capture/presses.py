"""One press, heard more than once: the same key arrives as an event, as a tone and in SIP INFO, and counts once.

Some phones and many gateways send two of them, some all three. Each transport is a list of keys; two lists that tell the
same story differ only by their delay. So a key on one transport is the echo of the oldest counted press that this transport
has not told yet, within the window, and if there is none it is a press of its own. Two equal keys pressed one after the
other stay two, because each of them brings its own echo.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum


class Transport(StrEnum):
    MEDIA = "media"
    """RFC 4733 as the SDP says."""
    UNAGREED = "unagreed"
    """RFC 4733 of a payload type that no SDP names, plain or redundant."""
    TONE = "tone"
    INFO = "info"


@dataclass(slots=True)
class _Counted:
    key: str = field(repr=False)
    at: float
    told_by: set[Transport]


class Presses:
    """Tells first hearings from echoes; `window_s` is how late an echo may be."""

    def __init__(self, window_s: float = 2.0) -> None:
        self._window_s = window_s
        self._counted: deque[_Counted] = deque()

    def is_new(self, key: str, transport: Transport, *, now: float) -> bool:
        """True for a press that counts, False for the echo of one that counted already."""
        while self._counted and now - self._counted[0].at > self._window_s:
            self._counted.popleft()
        untold: list[_Counted] = []
        for press in self._counted:
            if transport in press.told_by:
                untold.clear()
                continue
            untold.append(press)
            if press.key == key:
                break
        if untold and untold[-1].key == key:
            # An echo proves that what is before it was lost on this transport: it will not be told any more.
            for press in untold:
                press.told_by.add(transport)
            return False
        self._counted.append(_Counted(key, now, {transport}))
        return True

    def forget(self) -> None:
        """Drop what was remembered (keys are card digits)."""
        self._counted.clear()
