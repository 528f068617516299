"""What nobody waits for goes into the loop when the loop has nothing else to do, and not all that has come in one turn."""

from __future__ import annotations

import asyncio
from collections import deque

SHORT_S = 0.001
"""A turn of the loop that took less had nothing else in it."""
PATIENCE_S = 0.25
"""Who has waited longer goes whatever else there is: on a busy desk turns are never short."""


class Turnstile:
    """Lets one through in each short turn of the loop, and whoever has lost patience.

    A request costs the loop about half a millisecond: sixteen platforms told in one turn would be in the way of the next hand-off. A row
    that moves by one a turn, whatever waits, would be slower than the calls come, because on a busy desk a turn is as long as many requests.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, asyncio.Future[None]]] = deque()
        self._turning = False
        self._last = 0.0

    async def enter(self) -> None:
        """Returns when it is the caller's turn; first come, first served."""
        loop = asyncio.get_running_loop()
        place: asyncio.Future[None] = loop.create_future()
        self._waiting.append((loop.time(), place))
        if not self._turning:
            self._turning = True
            self._last = loop.time()
            loop.call_soon(self._turn, loop)
        await place

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        short = now - self._last < SHORT_S
        self._last = now
        while self._waiting and (short or now - self._waiting[0][0] > PATIENCE_S):
            _, place = self._waiting.popleft()
            if not place.done():  # who waited may have been cancelled
                place.set_result(None)
                short = False
        self._turning = bool(self._waiting)
        if self._turning:
            loop.call_soon(self._turn, loop)
