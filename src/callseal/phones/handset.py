"""One phone as the keypad page shows it: its call, the keys it heard, and its sound."""

from __future__ import annotations

import asyncio
import threading
from array import array
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from callseal.phones.driver import COMMAND, Event, Phone, PhoneError

CallState = Literal["down", "ringing", "up"]
CountTones = Callable[[Iterable[int]], int]
"""Takes the next samples of one listener and says how many keys it newly heard in them."""

_STATES: dict[str, CallState] = {
    "incoming": "ringing",
    "ringing": "ringing",
    "answered": "up",
    "ended": "down",
}
_QUEUE_FRAMES = 50
"""One second. A browser that reads slower loses the oldest sound, not the newest."""


class Handset:
    """Owns the phone's process and the socket of its audio feed.

    Events come on the driver's thread, frames on the event loop, questions from anywhere.
    """

    def __init__(
        self,
        config: Path,
        *,
        new_tone_counter: Callable[[], CountTones],
        command: Sequence[str] = COMMAND,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.phone = Phone(config, command=command, env=env, on_event=self._on_event)
        self._new_tone_counter = new_tone_counter
        self._count_tones = new_tone_counter()
        self._lock = threading.Lock()
        self._call: CallState = "down"
        self._heard = {"rfc4733": 0, "inband": 0, "info": 0}
        self._listeners: set[asyncio.Queue[bytes]] = set()
        self._transport: asyncio.DatagramTransport | None = None

    @property
    def call(self) -> CallState:
        with self._lock:
            return self._call

    def status(self) -> dict[str, object]:
        """Counts since the present call began; the last call's stay until the next one."""
        with self._lock:
            return {"heard": dict(self._heard)}

    async def start(self) -> None:
        """Bind the feed and start the phone. Raises `OSError` or `PhoneError`."""
        feeds = self.phone.settings.audio_feed
        if feeds:
            # The first feed is the page's, others are for other ears.
            host, _, port = feeds[0].rpartition(":")
            loop = asyncio.get_running_loop()
            self._transport, _ = await loop.create_datagram_endpoint(
                lambda: _Feed(self.phone.settings.address, self._on_frame), local_addr=(host, int(port))
            )
        await asyncio.to_thread(self.phone.start)

    async def stop(self) -> None:
        if self._transport is not None:
            self._transport.close()
        await asyncio.to_thread(self.phone.stop)

    @contextmanager
    def dialling(self) -> Iterator[None]:
        """Around the command to dial: from here on the phone is ringing, or what its events have said since."""
        with self._lock:
            self._begin()
            self._call = "ringing"
        try:
            yield
        except PhoneError:
            with self._lock:
                self._call = "down"
            raise

    async def sound(self) -> AsyncIterator[bytes]:
        """Frames as they arrive, without end."""
        frames: asyncio.Queue[bytes] = asyncio.Queue(_QUEUE_FRAMES)
        self._listeners.add(frames)
        try:
            while True:
                yield await frames.get()
        finally:
            self._listeners.discard(frames)

    def _begin(self) -> None:
        self._heard = dict.fromkeys(self._heard, 0)
        self._count_tones = self._new_tone_counter()

    def _on_event(self, event: Event) -> None:
        name = event["event"]
        with self._lock:
            if name == "incoming":
                self._begin()
            if name in _STATES:
                self._call = _STATES[name]
            elif name == "dtmf" and event["method"] in self._heard:
                self._heard[event["method"]] = event["count"]

    def _on_frame(self, frame: bytes) -> None:
        with self._lock:
            self._heard["inband"] += self._count_tones(array("h", frame))
        for frames in self._listeners:
            if frames.full():
                frames.get_nowait()
            frames.put_nowait(frame)


class _Feed(asyncio.DatagramProtocol):
    """Takes frames from the phone's own address only."""

    def __init__(self, address: str, deliver: Callable[[bytes], None]) -> None:
        self._address = address
        self._deliver = deliver

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        if addr[0] == self._address and len(data) % 2 == 0:
            self._deliver(data)
