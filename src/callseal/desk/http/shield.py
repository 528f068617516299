"""Around every request: a limit on its size, headers that keep a browser strict, and nothing said that is not on the disk.
Plain ASGI, so that streams stay streams."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callseal.desk.http.errors import NO_STORE
from callseal.payments.ports import StoreUnavailable

log = structlog.get_logger("callseal.desk.http")

MAX_BODY = 65_536

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


class _TooLargeError(Exception):
    """The body went past the limit while it was being read."""


class Shield:
    """`https`: also tell browsers never to come without TLS. `on_disk`: returns when whatever an answer may speak of is on the disk; it
    comes before an answer's head and before each part of its body, which in a stream is each event."""

    def __init__(self, app: ASGIApp, *, https: bool, on_disk: Callable[[], Awaitable[None]]) -> None:
        self._app = app
        self._on_disk = on_disk
        self._headers = HEADERS | ({"Strict-Transport-Security": "max-age=31536000"} if https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False
        refused = False
        whole = False  # its length was told with the head: all of it was made before
        taken = 0

        async def limited() -> Message:
            nonlocal taken
            message = await receive()
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                if taken > MAX_BODY:
                    raise _TooLargeError
            return message

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        async def from_the_disk(message: Message) -> None:
            nonlocal started, refused, whole
            if refused:
                return
            try:
                if not whole:
                    await self._on_disk()
            except StoreUnavailable as error:
                log.error("store_unavailable", reason=str(error))  # noqa: TRY400 - the store has said why
                if started:
                    raise  # half an answer: the connection ends
                refused = True
                await _refuse(with_headers, 503, NO_STORE)
                return
            if not started:
                whole = "content-length" in Headers(raw=message["headers"])
            started = True
            await with_headers(message)

        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdigit() and int(declared) > MAX_BODY:
            await _too_large(with_headers)
            return
        try:
            await self._app(scope, limited, from_the_disk)
        except _TooLargeError:
            if not started:
                await _too_large(with_headers)


async def _too_large(send: Send) -> None:
    await _refuse(send, 413, {"error": "too_large", "message": "The request is too large.", "advice": ""})


async def _refuse(send: Send, status: int, problem: dict[str, str]) -> None:
    body = json.dumps(problem).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
