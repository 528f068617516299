"""How a light peer speaks to its edge: one UDP socket, or TLS as RFC 3261 section 18 has it.

Over TLS a peer opens one connection for its requests and serves another port for those of the edge; a reply goes back on the
connection of its request.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Received = Callable[[bytes, object], None]
"""A whole message, and where it came from: what a reply is sent with."""

_END = b"\r\n\r\n"


class Wire(Protocol):
    """`name` is the transport in a Via, `port` the peer's own, `suffix` what its Contact says of the transport."""

    name: str
    port: int
    suffix: str

    async def open(self, received: Received) -> None: ...

    def send(self, data: bytes, origin: object = None) -> None:
        """A request, or with `origin` a reply."""

    def close(self) -> None: ...


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, received: Received) -> None:
        self._received = received

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._received(data, addr)


class UdpWire:
    """One socket. Requests go to the edge, replies to where the request came from (RFC 3261, 18.2.2)."""

    name, port, suffix = "UDP", 5060, ""

    def __init__(self, address: str, edge: str) -> None:
        self._address = address
        self._edge = (edge, self.port)
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self, received: Received) -> None:
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Datagrams(received), local_addr=(self._address, self.port)
        )

    def send(self, data: bytes, origin: object = None) -> None:
        if self._transport is None:
            raise RuntimeError("the wire is not open")
        self._transport.sendto(data, origin if isinstance(origin, tuple) else self._edge)

    def steer(self, edge: str) -> None:
        """Requests go to that edge from now on."""
        self._edge = (edge, self.port)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


@dataclass(frozen=True, slots=True)
class Certificate:
    """A peer's files in a lab's folder: `NAME.pem`, `NAME.key`, and `ca.pem` for the other side."""

    folder: Path
    name: str

    def context(self, *, server: bool) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        made.check_hostname = False
        made.load_cert_chain(self.folder / f"{self.name}.pem", self.folder / f"{self.name}.key")
        made.load_verify_locations(self.folder / "ca.pem")
        made.verify_mode = ssl.CERT_REQUIRED
        return made


class _Stream(asyncio.Protocol):
    def __init__(self, received: Received, opened: set[asyncio.Transport]) -> None:
        self._received = received
        self._opened = opened
        self._rest = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a stream that cannot be written to")
        self._transport = transport
        self._opened.add(transport)

    def data_received(self, data: bytes) -> None:
        messages, self._rest = whole_messages(self._rest + data)
        for message in messages:
            self._received(message, self._transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - a lost call says enough
        self._opened.discard(self._transport)


def whole_messages(data: bytes) -> tuple[list[bytes], bytes]:
    """Messages of a stream, parted by Content-Length (RFC 3261 section 18.3), and what is still incomplete."""
    messages: list[bytes] = []
    while True:
        data = data.lstrip(b"\r\n")
        head, end, _ = data.partition(_END)
        if not end:
            return messages, data
        length = len(head) + len(_END) + content_length(head)
        if len(data) < length:
            return messages, data
        messages.append(data[:length])
        data = data[length:]


def content_length(head: bytes) -> int:
    """Of the head of a SIP or HTTP message; 0 when it has none."""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() in {b"content-length", b"l"}:
            return int(value)
    return 0


class TlsWire:
    """TLS both ways, with one certificate. The connection to the edge stands from the beginning, as a trunk's does."""

    name, port, suffix = "TLS", 5061, ";transport=tls"

    def __init__(self, address: str, edge: str, certificate: Certificate) -> None:
        self._address = address
        self._edge = (edge, self.port)
        self._certificate = certificate
        self._server: asyncio.Server | None = None
        self._out: asyncio.Transport | None = None
        self._opened: set[asyncio.Transport] = set()

    async def open(self, received: Received) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Stream(received, self._opened),
            self._address,
            self.port,
            ssl=self._certificate.context(server=True),
        )
        self._out, _ = await loop.create_connection(
            lambda: _Stream(received, self._opened),
            *self._edge,
            ssl=self._certificate.context(server=False),
            server_hostname="",
            local_addr=(self._address, 0),
        )

    def send(self, data: bytes, origin: object = None) -> None:
        way = origin if isinstance(origin, asyncio.Transport) else self._out
        if way is None:
            raise RuntimeError("the wire is not open")
        way.write(data)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for transport in tuple(self._opened):
            transport.abort()
