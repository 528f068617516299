"""How a service comes up or says in one sentence why it does not: its sockets, and the ASGI application's own beginning."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_NOT_HERE = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


def bind(address: tuple[str, int]) -> list[socket.socket]:
    """A TCP socket for each address that the host has, bound and not yet listening. Raises `OSError`, whose text names the
    address, and `OverflowError` for a port that is none."""
    host, port = address
    bound: list[socket.socket] = []
    missing: OSError | None = None
    try:
        for info in dict.fromkeys(
            socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        ):
            try:
                bound.append(_bound(info[0], info[4]))
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    raise
                missing = error  # `localhost` is ::1, too, where a host has no IPv6
        if missing is not None and not bound:
            raise missing
    except OSError as error:
        for one in bound:
            one.close()
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise OSError(f"cannot listen on {host}:{port}: {reason}") from None
    return bound


def _bound(family: int, where: Any) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(where)
    except BaseException:
        one.close()
        raise
    return one


class Startup:
    """An ASGI application that keeps why its beginning failed, as `failure`, instead of the traceback that the server would log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.failure: BaseException | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        failed = False

        async def told(message: Message) -> None:
            nonlocal failed
            if message["type"] == "lifespan.startup.failed":
                failed = True
                message = {"type": message["type"], "message": ""}
            await send(message)

        try:
            await self._app(scope, receive, told)
        except BaseException as error:
            if failed:
                self.failure = error
            raise
