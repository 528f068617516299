"""SRTP of a capture, opened with the SDES keys that its signalling showed. Keys stay in memory.

Which key belongs to which stream is not believed but tried: a packet that authenticates says so (RFC 3711 section 4.2). The keys that the
stream's own ends named come first; with them many roll-overs are tried, because a capture may begin hours after the call did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from callseal.wire.srtp import Crypto, SrtpContext

TRY_EVERY, TRY_SELDOM = 50, 3200
"""Packets between two rounds of trying when the ends have named nothing new; every vain round doubles it."""
MOST_ROLL_OVERS = 256
"""65,536 packets each: three days and a half of 20 ms packets."""
ROLL_OVERS_OF_OTHERS = 3

Keys = Callable[[], Sequence[Crypto]]


class StreamKeys:
    """The keys of one stream: `named` by its ends, newest first, and `others` that the capture showed lately."""

    def __init__(self, named: Keys, others: Keys) -> None:
        self._named, self._others = named, others
        self._context: SrtpContext | None = None
        self._tried: Sequence[Crypto] | None = None
        self._since, self._patience = 0, TRY_EVERY

    def open(self, packet: bytes) -> bytes | None:
        """The packet in clear; None when no known key opens it."""
        if self._context is not None:
            found = self._context.decrypt(packet)
            if found is not None:
                return bytes(found)
        named = self._named()
        self._since += 1
        if named == self._tried and self._since < self._patience:
            return None
        self._patience = TRY_EVERY if named != self._tried else min(self._patience * 2, TRY_SELDOM)
        self._tried, self._since = named, 0
        for keys, roll_overs in ((named, MOST_ROLL_OVERS), (self._others(), ROLL_OVERS_OF_OTHERS)):
            for key in keys:
                clear = self._try(key, packet, roll_overs)
                if clear is not None:
                    self._patience = TRY_EVERY
                    return clear
        return None

    def _try(self, key: Crypto, packet: bytes, roll_overs: int) -> bytes | None:
        for roll_over in range(roll_overs):
            context = _prepared(key).begun_at(roll_over)
            found = context.decrypt(packet)
            if found is not None:
                self._context = context
                return bytes(found)
        return None


@lru_cache(maxsize=512)
def _prepared(key: Crypto) -> SrtpContext:
    """Session keys are derived once, and tried many times."""
    return SrtpContext(key)
