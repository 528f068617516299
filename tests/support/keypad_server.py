"""The real keypad service with two pretended phones, so that its page can be tried and tested without a call.

    python -m tests.support.keypad_server --host 127.85.0.20

Open http://127.85.0.20:8060/demo?key=try. The agent's pretended phone hears keys that travel in-band, and no others.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, cast

import uvicorn

from callseal.phones.handset import Handset
from callseal.phones.keypad import build_app

KEY = "try"
RATE = 8_000
FRAME = 160
TONE_FRAMES = 5


class PretendedPhone:
    """Has the shape of `Handset` and of its `phone`, and makes its own sound."""

    def __init__(self, hears: str | None = None, other: PretendedPhone | None = None) -> None:
        self.call_state = "down"
        self.heard = {"rfc4733": 0, "inband": 0, "info": 0}
        self.hears = hears
        self.other = other
        self.tone_frames = 0
        self.alive = True

    @property
    def phone(self) -> Any:
        return self

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    @property
    def call(self) -> Any:
        """The handset's state when read, the phone's command when called."""
        return _State(self.call_state, self)

    def hangup(self) -> None:
        self.call_state = "down"

    def press(self, _digits: str, method: str, *, wait: bool) -> None:
        assert not wait
        other = self.other
        if other is not None and other.hears == method:
            other.heard[method] += 1
            other.tone_frames = TONE_FRAMES

    @contextmanager
    def dialling(self) -> Iterator[None]:
        self.call_state = "up"
        for phone in filter(None, (self, self.other)):
            phone.heard = dict.fromkeys(phone.heard, 0)
        yield

    def status(self) -> dict[str, object]:
        return {"heard": dict(self.heard)}

    async def sound(self) -> AsyncIterator[bytes]:
        at = 0
        while True:
            toning = self.tone_frames > 0
            self.tone_frames -= toning
            samples = [self._sample(at + place, toning) for place in range(FRAME)]
            at += FRAME
            yield struct.pack(f"<{FRAME}h", *samples)
            await asyncio.sleep(FRAME / RATE)

    @staticmethod
    def _sample(at: int, toning: bool) -> int:
        turn = 2 * math.pi * at / RATE
        if toning:
            return int(8_000 * (math.sin(770 * turn) + math.sin(1336 * turn)))
        return int(5_000 * math.sin(180 * turn) * math.sin(0.6 * turn) ** 2 * math.sin(3.1 * turn))


class _State(str):
    __slots__ = ("_phone",)
    _phone: PretendedPhone

    def __new__(cls, value: str, phone: PretendedPhone) -> _State:
        state = super().__new__(cls, value)
        state._phone = phone
        return state

    def __call__(self, _to: str) -> None:
        self._phone.call_state = "up"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.85.0.20")
    parser.add_argument("--port", type=int, default=8060)
    options = parser.parse_args()
    agent = PretendedPhone(hears="inband")
    customer = PretendedPhone(other=agent)
    app = build_app(
        customer=cast("Handset", customer),
        agent=cast("Handset", agent),
        dial="sip:x",
        key=KEY,
        host=options.host,
    )
    uvicorn.run(app, host=options.host, port=options.port, log_level="warning", timeout_graceful_shutdown=1)


if __name__ == "__main__":
    main()
