"""The mask's place in the media path: two UDP sockets between two rtpengine calls.

customer -> rtpengine "near" -> insert -> rtpengine "far" -> agent, and back. Both outer faces are rtpengine's, so that
everything the edge sees (ports, SRTP, one address to send from) is a media server's business; the insert sees plain
G.711 on loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from callseal.sandbox.media.mask import LOOK_AHEAD_S, ToneMask
from callseal.wire.rtp import RtpPacket

Endpoint = tuple[str, int]


class _Face(asyncio.DatagramProtocol):
    """One socket; takes packets from its peer's address only."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self.peer: Endpoint | None = None
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self, address: str) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(address, 0))

    @property
    def endpoint(self) -> Endpoint:
        if self._transport is None:
            raise RuntimeError("the insert is not open")
        host, port = self._transport.get_extra_info("sockname")
        return host, port

    def send(self, data: bytes) -> None:
        if self._transport is not None and self.peer is not None and not self._transport.is_closing():
            self._transport.sendto(data, self.peer)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: Endpoint) -> None:
        if addr == self.peer:
            self._take(data)

    def error_received(self, _exc: Exception) -> None:
        """rtpengine closed a port: the call is ending."""


class Insert:
    """`masking` can be switched while audio flows; off means that every packet passes as it came."""

    def __init__(self, *, masking: bool) -> None:
        self.masking = masking
        self._mask = ToneMask()
        self.near = _Face(self._from_customer)
        self.far = _Face(self.near.send)

    async def open(self, address: str) -> None:
        """Bind both faces to free ports of `address`."""
        await self.near.open(address)
        await self.far.open(address)

    def close(self) -> None:
        self.near.close()
        self.far.close()

    def _from_customer(self, data: bytes) -> None:
        if not self.masking:
            self.far.send(data)
            return
        with contextlib.suppress(ValueError):  # not RTP: not a voice
            held = self._mask.take(RtpPacket.parse(data))
            if held is not None:
                loop = asyncio.get_running_loop()
                loop.call_later(LOOK_AHEAD_S, lambda: self.far.send(bytes(held.leaving())))
