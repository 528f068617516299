"""TLS one record at a time (RFC 8446 section 5, RFC 5246 section 6): handshakes in crumbs, and records that are none, under a peer's good
certificate."""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
from collections.abc import Callable

HANDSHAKE, APPLICATION = 22, 23
HEADER = 5


class Records:
    """A connection whose records pass through our hands. Raises `OSError` (`ssl.SSLError` is one) when the edge ends it."""

    def __init__(
        self, edge: tuple[str, int], tls: ssl.SSLContext, *, source: str, timeout_s: float = 3.0
    ) -> None:
        self.plain = socket.create_connection(edge, timeout=timeout_s, source_address=(source, 0))
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = tls.wrap_bio(self._in, self._out)

    def handshake(self, change: Callable[[bytes], list[bytes]] = lambda flight: [flight]) -> None:
        """`change` makes of each of our flights what is really sent, piece by piece."""
        while True:
            try:
                self._tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                done = False
            if flight := self._out.read():
                for piece in change(flight):
                    self.plain.sendall(piece)
            if done:
                return
            self._more()

    def sealed(self, data: bytes) -> bytes:
        """The records that carry `data`."""
        self._tls.write(data)
        return self._out.read()

    def heard(self) -> bytes:
        """What comes until the edge closes; b"" at once where it has. Raises `TimeoutError` when it does not."""
        came = b""
        while True:
            try:
                more = self._tls.read(65_535)
            except ssl.SSLWantReadError:
                try:
                    self._more()
                except TimeoutError:
                    raise
                except OSError:
                    return came
                continue
            except ssl.SSLError:
                return came
            if not more:
                return came
            came += more

    def hear(self, wanted: bytes) -> bool:
        """Whether `wanted` is said before the edge closes or is silent for the time-out."""
        came = b""
        while wanted not in came:
            try:
                came += self._tls.read(65_535)
            except ssl.SSLWantReadError:
                try:
                    self._more()
                except OSError:
                    return False
            except ssl.SSLError:
                return False
        return True

    def _more(self) -> None:
        more = self.plain.recv(65_535)
        if not more:
            raise ConnectionResetError("the edge has closed")
        self._in.write(more)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.plain.shutdown(socket.SHUT_RDWR)
        self.plain.close()


def crumbs(size: int) -> Callable[[bytes], list[bytes]]:
    """Each handshake message before encryption in records of `size` bytes of their own (RFC 8446 5.1 allows it), each in its segment."""

    def change(flight: bytes) -> list[bytes]:
        pieces, at = [], 0
        while at + HEADER <= len(flight):
            kind, version = flight[at], flight[at + 1 : at + 3]
            length = int.from_bytes(flight[at + 3 : at + 5])
            content = flight[at + HEADER : at + HEADER + length]
            at += HEADER + length
            if kind != HANDSHAKE:
                pieces.append(flight[at - HEADER - length : at])
                continue
            pieces += [
                bytes([kind]) + version + len(content[place : place + size]).to_bytes(2) + content[place : place + size]
                for place in range(0, length, size)
            ]  # fmt: skip
        return pieces

    return change


def record(kind: int, content: bytes, *, version: bytes = b"\x03\x03", length: int | None = None) -> bytes:
    return bytes([kind]) + version + (len(content) if length is None else length).to_bytes(2) + content


Spoil = Callable[[random.Random, bytes], bytes]
"""Makes of good sealed records what is sent instead; nothing of it may be read as SIP."""


def flipped(chance: random.Random, sealed: bytes) -> bytes:
    data = bytearray(sealed)
    data[chance.randrange(HEADER, len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


SPOILT: dict[str, Spoil] = {
    "a byte flipped": flipped,
    "cut short": lambda chance, sealed: sealed[: chance.randrange(1, len(sealed))],
    "another version": lambda _, sealed: sealed[:1] + b"\x02\x00" + sealed[3:],
    "another kind": lambda chance, sealed: bytes([chance.choice((0, 20, 24, 99, 255))]) + sealed[1:],
    "longer than it is": lambda _, sealed: sealed[:3] + (len(sealed)).to_bytes(2) + sealed[5:],
    "longer than allowed": lambda chance, sealed: record(APPLICATION, chance.randbytes(20_000)),
    "garbage": lambda chance, sealed: chance.randbytes(chance.randrange(1, 600)) + sealed,
    "in the clear": lambda chance, sealed: b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n" + sealed,
    "a hello in the middle": lambda chance, sealed: record(HANDSHAKE, b"\x01\x00\x00\x26\x03\x03" + chance.randbytes(36)) + sealed,
    "an alert": lambda _, sealed: record(21, b"\x02\x28") + sealed,
}  # fmt: skip
