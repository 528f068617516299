"""The sandbox partner's own media path (bridge, mask, capture) in front of a bleed line, without its SIP."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Coroutine
from itertools import count
from types import TracebackType
from typing import Any, Self, TypeVar

from callseal.sandbox.capture.presses import Presses, Transport
from callseal.sandbox.media.bridge import Bridge, Side
from callseal.sandbox.media.digit_feed import DigitFeed
from callseal.sandbox.media.insert import Insert
from callseal.sandbox.media.mask import Sound
from callseal.sandbox.media.ng_client import NgClient

T = TypeVar("T")


class Masked:
    """One call's bridge: an SDP of the customer's side in, one for the agent's side out, and back."""

    def __init__(self, partner: MaskingPartner, bridge: Bridge, name: str) -> None:
        self._partner = partner
        self._bridge = bridge
        self.name = name

    def offer(self, sdp: str) -> str:
        return self._partner.wait(self._bridge.offer(Side.CUSTOMER, sdp))

    def answer(self, sdp: str) -> str:
        return self._partner.wait(self._bridge.answer(Side.AGENT, sdp))

    @property
    def captured(self) -> list[str]:
        """The keys that counted so far."""
        return list(self._partner.captured[self.name])

    def close(self) -> None:
        self._partner.wait(self._bridge.close())


class MaskingPartner:
    """A loop in a thread; `ng` is the partner's rtpengine, whose `--dtmf-log-dest` is `feed`."""

    def __init__(self, ng: tuple[str, int], feed: tuple[str, int], address: str) -> None:
        self._address = address
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._ng = NgClient(ng)
        self._feed = DigitFeed(feed, self._told)
        self._names = (f"bleed{number}" for number in count(1))
        self._presses: defaultdict[str, Presses] = defaultdict(Presses)
        self.captured: defaultdict[str, list[str]] = defaultdict(list)

    def __enter__(self) -> Self:
        self._thread.start()
        self.wait(self._ng.open())
        self.wait(self._feed.open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wait(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(3)
        self._loop.close()

    async def _close(self) -> None:
        self._ng.close()
        self._feed.close()
        # asyncio closes a socket one turn of its loop later.
        await asyncio.sleep(0.01)

    def call(self, *, mask: bool = True, sound: Sound = "silence") -> Masked:
        name = next(self._names)

        async def make() -> Bridge:
            insert = Insert(
                masking=mask, sound=sound, heard=lambda key, transport: self._pressed(name, key, transport)
            )
            return Bridge(self._ng, name, insert=insert, insert_address=self._address)

        return Masked(self, self.wait(make()), name)

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _told(self, call_id: str, tag: str, key: str) -> None:
        name, _, hop = call_id.rpartition(".")
        if hop == "near" and tag == Side.CUSTOMER:
            self._pressed(name, key, Transport.MEDIA)

    def _pressed(self, name: str, key: str, transport: Transport) -> None:
        if self._presses[name].is_new(key, transport, now=time.monotonic()):
            self.captured[name].append(key)
