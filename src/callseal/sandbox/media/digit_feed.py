"""Digits as rtpengine hears them: one JSON datagram a press, on a loopback socket, kept nowhere.

`--dtmf-log-dest` writes the event's code, call-id, tag and duration (rtpengine `daemon/dtmf.c`, `dtmf_json_print`). It
reports events that are blocked too, which is what makes mask and capture possible at once. The socket must be loopback:
anything else would put a card number on a network in clear.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections.abc import Callable

from callseal.wire.dtmf import KEYS

Listener = Callable[[str, str, str], None]
"""Called with (rtpengine's call-id, tag of the side that pressed, key)."""


class DigitFeed(asyncio.DatagramProtocol):
    """Reads the feed and forgets it."""

    def __init__(self, listen: tuple[str, int], listener: Listener) -> None:
        if not ipaddress.ip_address(listen[0]).is_loopback:
            raise ValueError("the digit feed must be on a loopback address")
        self._listen = listen
        self._listener = listener
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=self._listen)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, _addr: object) -> None:
        """Anything that is not a press of a key is dropped without a word: its text may hold a digit."""
        try:
            event = json.loads(data)
            call_id, tag, code = event["callid"], event["source_tag"], event["event"]
        except (ValueError, TypeError, KeyError):
            return
        if (
            isinstance(call_id, str)
            and isinstance(tag, str)
            and isinstance(code, int)
            and 0 <= code < len(KEYS)
        ):
            self._listener(call_id, tag, KEYS[code])
