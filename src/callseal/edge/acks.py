"""The partner's ACKs, told by Kamailio in datagrams: `ack <reference> <leg> <cseq>`.

The datagram and the `answered` notice travel on different sockets, so either may come first: ACKs are remembered for a
while, and whoever waits for one is woken.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from callseal.edge.anchors import Leg
from callseal.edge.tracing import PREFIX

_DATAGRAM = re.compile(rb"ack ([0-9a-f]{32}) (customer|agent) ([0-9]{1,10})\s*")
_REMEMBERED_MS = 30_000
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class AckKey:
    reference: str
    leg: Leg
    cseq: int


def read_ack(datagram: bytes) -> AckKey | None:
    """The ACK a datagram speaks of, None when it is not one."""
    found = _DATAGRAM.fullmatch(datagram)
    if found is None:
        return None
    return AckKey(found[1].decode(), cast("Leg", found[2].decode()), int(found[3]))


class AckBook:
    """ACKs of the last 30 s, 10 000 at most."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._seen: OrderedDict[AckKey, int] = OrderedDict()

    def note(self, key: AckKey) -> None:
        now = self._now_ms()
        self._seen[key] = now
        self._seen.move_to_end(key)
        while self._seen and (
            len(self._seen) > _REMEMBERED or next(iter(self._seen.values())) < now - _REMEMBERED_MS
        ):
            self._seen.popitem(last=False)

    def seen(self, key: AckKey) -> bool:
        return key in self._seen


class AckListener(asyncio.DatagramProtocol):
    """Takes datagrams from `peers` only; everything else is dropped and told to `refused()`. `trace` gets copies of messages."""

    def __init__(
        self,
        book: AckBook,
        peers: frozenset[str],
        refused: Callable[[], None],
        trace: Callable[[bytes], None] | None = None,
    ) -> None:
        self._book = book
        self._peers = peers
        self._refused = refused
        self._trace = trace

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        ours = addr[0] in self._peers
        key = read_ack(data) if ours else None
        if ours and self._trace is not None and data.startswith(PREFIX):
            self._trace(data)
        elif key is None:
            self._refused()
        else:
            self._book.note(key)
