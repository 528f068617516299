"""One RTP endpoint of a bench: it speaks when it is told to, and knows when each of its packets left."""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

FRAME_S = 0.02
SAMPLES = 160
SILENCE = b"\xff" * SAMPLES  # PCMU
EVENTS = 101
_HEADER = struct.Struct("!BBHII")
_EVENT = struct.Struct("!BBH")
_REMEMBERED = 100  # frames; longer than any packet is under way

Address = tuple[str, int]


class Voice:
    """One RTP endpoint. It speaks silence in G.711 to `target`, and remembers when each packet left.

    `hears(timestamp, at)` is called for every packet that comes; without it nothing is read, the kernel drops it all. `every`: only
    one packet in so many is sent, for calls that are only there. `keys_heard` counts packets with a keypress (RFC 4733).
    """

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.setblocking(False)
        self._socket.bind((address, 0))
        self.endpoint: Address = self._socket.getsockname()
        self.target: Address | None = None
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(15)
        self._timestamp = secrets.randbits(31)
        self._left: deque[tuple[int, float]] = deque(maxlen=_REMEMBERED)
        self._frames = 0
        self.every = 1
        self.keys_heard = 0

    def speak(self) -> None:
        """Send one packet."""
        if self.target is None:
            return
        self._timestamp = (self._timestamp + SAMPLES) & 0xFFFFFFFF
        self._frames += 1
        if self._frames % self.every:
            return
        self._left.append((self._timestamp, time.monotonic()))
        self._send(0, SILENCE)

    def press(self, key: int) -> None:
        """One short keypress: a packet that begins it and three that end it."""
        for place, end in enumerate((0, 0x80, 0x80, 0x80)):
            marker = 0 if place else 0x80
            self._send(EVENTS | marker, _EVENT.pack(key, end | 10, SAMPLES * min(place + 1, 2)))

    def _send(self, payload_type: int, payload: bytes) -> None:
        if self.target is None:
            return
        self._sequence = (self._sequence + 1) & 0xFFFF
        header = _HEADER.pack(0x80, payload_type, self._sequence, self._timestamp, self._ssrc)
        with suppress(BlockingIOError):
            self._socket.sendto(header + payload, self.target)

    def sdp(self, version: int = 1) -> str:
        """PCMU and telephone-events at this voice."""
        host, port = self.endpoint
        return (
            f"v=0\r\no=- 1 {version} IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
            "a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
        )

    def left_at(self, timestamp: int) -> float | None:
        """When the packet with this RTP timestamp was sent (monotonic, s); None when it is not known any more."""
        return next((at for known, at in reversed(self._left) if known == timestamp), None)

    def listen(self, hears: Callable[[int, float], None]) -> None:
        """Read what comes from now on."""

        def readable() -> None:
            with suppress(BlockingIOError):
                while True:
                    packet = self._socket.recv(2048)
                    self.keys_heard += packet[1] & 0x7F == EVENTS
                    hears(_HEADER.unpack_from(packet)[3], time.monotonic())

        asyncio.get_running_loop().add_reader(self._socket, readable)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
