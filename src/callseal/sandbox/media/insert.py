"""The mask's place in the media path, and the ear's: two UDP sockets between two rtpengine calls.

customer -> rtpengine "near" -> insert -> rtpengine "far" -> agent, and back. Both outer faces are rtpengine's, so that
everything the edge sees (ports, SRTP, one address to send from) is a media server's business; the insert sees plain
G.711 on loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from callseal.sandbox.capture.presses import Transport
from callseal.sandbox.media.event_receiver import EventReceiver
from callseal.sandbox.media.mask import LOOK_AHEAD_S, Held, Sound, ToneMask
from callseal.sandbox.media.tone_receiver import ToneReceiver
from callseal.wire.g711 import decode_alaw, decode_ulaw
from callseal.wire.rtp import PCMU, RtpPacket

Endpoint = tuple[str, int]
PATIENCE_S = 0.2
"""How long a packet waits for its successor beyond the look-ahead."""


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
    """`masking` can be switched while audio flows; off means that every packet passes as it came.

    Everything the customer sends comes by here, so this is also where keys are heard that rtpengine does not report: tones,
    and events of types that nobody agreed on. `heard` is called with each.
    """

    def __init__(
        self,
        *,
        masking: bool,
        sound: Sound = "silence",
        heard: Callable[[str, Transport], None] = lambda _key, _transport: None,
    ) -> None:
        self.masking = masking
        self._heard = heard
        self._mask = ToneMask(sound)
        self._tones = ToneReceiver()
        self._events = EventReceiver()
        self._late: Held | None = None
        self._held: deque[tuple[float, Held]] = deque()
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
        packet = None
        with contextlib.suppress(ValueError):  # not RTP: not a voice
            packet = RtpPacket.parse(data)
        held = self._mask.take(packet) if packet is not None else None
        if not self.masking:
            self.far.send(data)
        elif held is not None:
            loop = asyncio.get_running_loop()
            self._held.append((loop.time() + LOOK_AHEAD_S, held))
            loop.call_later(LOOK_AHEAD_S, self._release)
            self._release()
        if packet is not None:
            self._listen(packet, held)

    def _release(self) -> None:
        """In order, when it is time: what has no successor yet waits, and leaves as silence when none comes."""
        now = asyncio.get_running_loop().time()
        while self._held and self._held[0][0] <= now:
            due, held = self._held[0]
            if not held.settled:
                if now < due + PATIENCE_S:
                    asyncio.get_running_loop().call_later(due + PATIENCE_S - now, self._release)
                    return
                held.silenced = held.settled = True
            self._held.popleft()
            self.far.send(bytes(held.leaving()))

    def _listen(self, packet: RtpPacket, held: Held | None) -> None:
        """After the packet is on its way: whoever hears of a key may take long."""
        if held is None:
            for key in self._events.take(packet):
                self._heard(key, Transport.UNAGREED)
            return
        # The packet before a recognised one holds the tone's beginning, and is silenced by now: so one packet late.
        late, self._late = self._late, held
        if late is None:
            return
        decode = decode_ulaw if late.packet.payload_type == PCMU else decode_alaw
        keys = self._tones.hear(decode(late.packet.payload)) if late.silenced else self._tones.quiet()
        for key in keys:
            self._heard(key, Transport.TONE)
