"""Takes what Kamailio posts to the edge agent, keeps the connection as the real one does, and counts. No datagram is read."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter

from bench.sip_wire import content_length

_NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


class AgentSink:
    """HTTP at `address`:8022. `posts` counts requests by path."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.posts: Counter[str] = Counter()
        self._server: asyncio.Server | None = None
        self._acks: socket.socket | None = None

    async def __aenter__(self) -> AgentSink:
        # Bound and never read: a datagram to a closed port would come back as an ICMP error and cost Kamailio one more.
        self._acks = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._acks.bind((self._address, 8023))
        self._server = await asyncio.start_server(self._serve, self._address, 8022)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        if self._acks is not None:
            self._acks.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(content_length(head))
                self.posts[head.split(b" ", 2)[1].decode("ascii", "replace")] += 1
                writer.write(_NO_CONTENT)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()
