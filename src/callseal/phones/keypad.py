"""The keypad page of the lab: a customer's telephone in a browser, with both phones' sound and what each of them heard.

It dials, presses and hangs up for the customer. It is for loopback and public test cards: whoever holds its key hears both ends.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.datastructures import MutableHeaders
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callseal.phones.commands import Method
from callseal.phones.driver import PhoneError
from callseal.phones.handset import Handset

STATIC = Path(__file__).parent / "static"
COOKIE = "callseal_keypad"
_OPEN_PATHS = frozenset({"/demo", "/healthz", "/static/keypad.css", "/static/keypad.svg"})
_SHUT = STATIC / "shut.html"
"""What a person sees for whom the keypad is not open; it needs the two files above."""
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

Who = Literal["customer", "agent"]


class Key(BaseModel):
    """One key press; refusals never repeat it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    digit: Annotated[str, StringConstraints(pattern=r"^[0-9A-D*#]$")]
    method: Method = "rfc4733"


class Doorkeeper:
    """A one-use key becomes a session cookie; without it every other path but the style is 401."""

    def __init__(self, key: str) -> None:
        self._key: str | None = key
        self._session = secrets.token_urlsafe(32)

    def redeem(self, key: str) -> str | None:
        """The session's cookie for the right key, once."""
        if self._key is None or not hmac.compare_digest(key.encode(), self._key.encode()):
            return None
        self._key = None
        return self._session

    def knows(self, cookie: str | None) -> bool:
        return cookie is not None and hmac.compare_digest(cookie.encode(), self._session.encode())


class _Guard:
    """Cookie, origin and response headers. Plain ASGI, so that a sound stream ends when its listener goes."""

    def __init__(self, app: ASGIApp, doorkeeper: Doorkeeper) -> None:
        self._app = app
        self._doorkeeper = doorkeeper

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        origin = request.headers.get("origin")
        answer: ASGIApp = self._app
        if request.url.path not in _OPEN_PATHS and not self._doorkeeper.knows(request.cookies.get(COOKIE)):
            answer = _shut() if request.url.path == "/" else JSONResponse({"message": "not logged in"}, 401)
        elif request.method != "GET" and origin is not None and origin != f"http://{request.url.netloc}":
            answer = JSONResponse({"message": "not from another site"}, 403)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await answer(scope, receive, send_with_headers)


def _shut() -> Response:
    return FileResponse(_SHUT, 401)


def build_app(
    *, customer: Handset, agent: Handset, dial: str, key: str, host: str, static: Path = STATIC
) -> FastAPI:
    """The page's service. `dial`: whom the customer calls. `key`: the one-use key. `host`: the only Host it answers to."""
    handsets: dict[Who, Handset] = {"customer": customer, "agent": agent}
    doorkeeper = Doorkeeper(key)

    @asynccontextmanager
    async def phones(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for handset in handsets.values():
                stack.push_async_callback(handset.stop)
                await handset.start()
            yield

    app = FastAPI(title="Callseal keypad", lifespan=phones, docs_url=None, redoc_url=None, openapi_url=None)

    app.add_middleware(_Guard, doorkeeper=doorkeeper)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[host])  # last added, first asked

    @app.exception_handler(RequestValidationError)
    async def malformed(_request: Request, _error: RequestValidationError) -> Response:
        """FastAPI's own answer would repeat the digit."""
        return JSONResponse({"message": "not a key of 0-9 A-D * #, or an unknown method"}, 422)

    @app.exception_handler(PhoneError)
    async def refused(_request: Request, error: PhoneError) -> Response:
        return JSONResponse({"message": str(error)}, 409)

    @app.get("/healthz")
    def healthz() -> dict[str, Any]:
        return {"phones": {name: handset.phone.alive for name, handset in handsets.items()}}

    @app.get("/demo")
    def demo(request: Request, key: str = "") -> Response:
        if doorkeeper.knows(request.cookies.get(COOKIE)):
            return RedirectResponse("/", 303)  # the same browser opens its link again
        session = doorkeeper.redeem(key)
        if session is None:
            return _shut()
        answer = RedirectResponse("/", 303)
        answer.set_cookie(COOKIE, session, httponly=True, samesite="strict")
        return answer

    @app.get("/")
    def page() -> Response:
        return FileResponse(static / "keypad.html")

    @app.post("/call", status_code=204)
    def call() -> None:
        if customer.call != "down":
            raise PhoneError("there is a call already")
        with customer.dialling():
            customer.phone.call(dial)

    @app.post("/hangup", status_code=204)
    def hangup() -> None:
        customer.phone.hangup()

    @app.post("/press", status_code=204)
    def press(pressed: Key) -> None:
        if customer.call != "up":
            raise PhoneError("there is no call")
        customer.phone.press(pressed.digit, pressed.method, wait=False)

    @app.get("/status")
    def status() -> dict[str, Any]:
        return {"call": customer.call} | {name: handset.status() for name, handset in handsets.items()}

    @app.get("/feed/{who}")
    def feed(who: Who) -> Response:
        return StreamingResponse(
            handsets[who].sound(),
            media_type="audio/L16;rate=8000;channels=1",
            headers={"X-Accel-Buffering": "no"},
        )

    @app.get("/story")
    def story() -> Any:
        path = static / "story.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []

    app.mount("/static", StaticFiles(directory=static, check_dir=False), name="static")
    return app
