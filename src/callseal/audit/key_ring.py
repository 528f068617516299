"""SRTP of a capture, opened with the SDES keys that its signalling showed. Keys stay in memory.

Which key belongs to which stream is not worked out but tried: a packet that authenticates says so (RFC 3711 section 4.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from callseal.wire.srtp import Crypto, SrtpContext

MOST_KEYS = 64
TRY_EVERY = 50
"""Packets between two rounds of trying, when nothing has changed."""
MOST_ROLL_OVERS = 3
"""A capture may begin late in a stream: this many roll-overs are tried."""


class StreamKeys:
    """The keys of one stream. `keys` gives all that are known, newest first; `changes` grows with every new one."""

    def __init__(self, keys: Callable[[], Iterable[Crypto]], changes: Callable[[], int]) -> None:
        self._keys = keys
        self._changes = changes
        self._context: SrtpContext | None = None
        self._tried_at = -1
        self._since = 0

    def open(self, packet: bytes) -> bytes | None:
        """The packet in clear; None when no known key opens it."""
        if self._context is not None:
            found = self._context.decrypt(packet)
            if found is not None:
                return bytes(found)
        self._since += 1
        if self._tried_at == self._changes() and self._since < TRY_EVERY:
            return None
        self._tried_at, self._since = self._changes(), 0
        for number, key in enumerate(self._keys()):
            if number >= MOST_KEYS:
                break
            for roll_over in range(MOST_ROLL_OVERS):
                context = SrtpContext(key, roll_over=roll_over)
                found = context.decrypt(packet)
                if found is not None:
                    self._context = context
                    return bytes(found)
        return None
