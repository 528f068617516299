"""Commands to the partner's rtpengine over UDP, bencoded; one socket, answers matched by cookie."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Mapping

from callseal.wire.ng import NgReply, NgSyntaxError, NgValue, decode_message, encode_message


class MediaError(Exception):
    """rtpengine refused, or did not answer."""


class NgClient(asyncio.DatagramProtocol):
    """`send()` repeats an unanswered datagram with its cookie; the daemon answers repeats from its cache."""

    def __init__(self, address: tuple[str, int], *, timeout_s: float = 0.5, attempts: int = 4) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._attempts = attempts
        # Duplicate detection in the daemon goes by cookie alone, so two clients must never share one.
        self._prefix = secrets.token_hex(6)
        self._count = 0
        self._waiting: dict[str, asyncio.Future[dict[str, NgReply]]] = {}
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, remote_addr=self._address)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    async def send(self, command: str, message: Mapping[str, NgValue]) -> dict[str, NgReply]:
        """The reply's dictionary. Raises `MediaError` with rtpengine's own reason, or when it stays silent."""
        if self._transport is None:
            raise MediaError("the ng socket is not open")
        self._count += 1
        cookie = f"{self._prefix}_{self._count}"
        datagram = encode_message(cookie, {**message, "command": command})
        future: asyncio.Future[dict[str, NgReply]] = asyncio.get_running_loop().create_future()
        self._waiting[cookie] = future
        try:
            for _ in range(self._attempts):
                self._transport.sendto(datagram)
                with contextlib.suppress(TimeoutError):
                    reply = await asyncio.wait_for(asyncio.shield(future), self._timeout_s)
                    if reply.get("result") not in ("ok", "pong"):
                        raise MediaError(f"{command}: {reply.get('error-reason', 'no reason given')}")
                    return reply
        finally:
            del self._waiting[cookie]
            future.cancel()
        raise MediaError(f"{command}: rtpengine is silent")

    def datagram_received(self, data: bytes, _addr: object) -> None:
        with contextlib.suppress(NgSyntaxError):
            cookie, body = decode_message(data)
            future = self._waiting.get(cookie)
            if future is not None and not future.done():
                future.set_result(body)

    def error_received(self, _exc: Exception) -> None:
        """A refused datagram (the daemon restarts) is a lost one: the next attempt follows."""
