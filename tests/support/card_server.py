"""A desk without a call: serves `desk/static/` with the desk's own CSP and plays CALL snapshots to the card.

    python -m tests.support.card_server --host 127.85.0.1 --port 8050

Open http://127.85.0.1:8050/ and press: by default the presses play a whole payment. With `POST /test/show {"scenario": name}` the
card shows one state and presses are only recorded. Tests drive it through `/test/*`; nothing of this is in the product.
"""

import argparse
import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.support import card_scenarios as scenes
from tests.support.card_scenarios import Call

STATIC = Path(__file__).parents[2] / "src" / "callseal" / "desk" / "static"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
PING_S = 15.0


def now_ms() -> int:
    return int(time.time() * 1000)


class Desk:
    """Live calls, open event streams, and what the card has sent."""

    def __init__(self) -> None:
        self.calls: dict[str, Call] = {}
        self.streams: set[asyncio.Queue[tuple[int, Call] | None]] = set()
        self.requests: list[dict[str, Any]] = []
        self.stream_headers: list[dict[str, str]] = []
        self.event_id = 0
        self.refusals: list[tuple[int, dict[str, Any] | None]] = []
        self.down = False
        self.signed_in = True
        self.playing = True

    def publish(self, call: Call) -> Call:
        known = self.calls.get(call["reference"])
        call["version"] = (known["version"] if known else 0) + 1
        self.calls[call["reference"]] = call
        self.event_id += 1
        for stream in self.streams:
            stream.put_nowait((self.event_id, call))
        return call

    def drop_streams(self) -> None:
        for stream in self.streams:
            stream.put_nowait(None)

    async def events(self) -> AsyncIterator[str]:
        stream: asyncio.Queue[tuple[int, Call] | None] = asyncio.Queue()
        self.streams.add(stream)
        try:
            yield "event: ping\ndata: {}\n\n"
            while True:
                try:
                    item = await asyncio.wait_for(stream.get(), PING_S)
                except TimeoutError:
                    yield "event: ping\ndata: {}\n\n"
                    continue
                if item is None:
                    return
                number, call = item
                yield f"id: {number}\nevent: call\ndata: {json.dumps(call)}\n\n"
        finally:
            self.streams.discard(stream)


def record(request: Request, body: Any) -> dict[str, Any]:
    wanted = ("x-csrf-token", "idempotency-key", "content-type")
    headers = {name: request.headers.get(name) for name in wanted}
    return {"path": request.url.path, "headers": headers, "body": body}


def build_app(desk: Desk) -> FastAPI:
    app = FastAPI(title="card test server")
    tasks: set[asyncio.Task[None]] = set()

    @app.middleware("http")
    async def headers(request: Request, following: Any) -> Response:
        if desk.down and not request.url.path.startswith("/test/"):
            return JSONResponse({}, 503)
        response: Response = await following(request)
        response.headers["Content-Security-Policy"] = CSP
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-cache"
        return response

    @app.get("/")
    def index() -> FileResponse:
        return FileResponse(STATIC / "index.html")

    @app.get("/login")
    def login_page() -> FileResponse:
        return FileResponse(STATIC / "login.html")

    @app.post("/v1/login")
    async def login(request: Request) -> JSONResponse:
        form = (await request.body()).decode()
        desk.signed_in = "password=right" in form
        return JSONResponse(
            {"csrf": "csrf-1"} if desk.signed_in else {"error": "login"}, 200 if desk.signed_in else 401
        )

    @app.post("/v1/logout", status_code=204)
    def logout() -> None:
        desk.signed_in = False

    @app.get("/v1/me")
    def me() -> JSONResponse:
        if not desk.signed_in:
            return JSONResponse({"error": "no_session"}, 401)
        return JSONResponse({"agent": "Robin Hale", "tenant": "acme", "csrf": "csrf-1"})

    @app.get("/v1/calls")
    def calls() -> list[Call]:
        return list(desk.calls.values())

    @app.get("/v1/events")
    def events(request: Request) -> Response:
        desk.stream_headers.append({"last-event-id": request.headers.get("last-event-id", "")})
        if not desk.signed_in:
            return JSONResponse({"error": "no_session"}, 401)
        return StreamingResponse(desk.events(), media_type="text/event-stream")

    @app.post("/v1/calls/{reference}/{action}")
    async def press(reference: str, action: str, request: Request) -> JSONResponse:
        body = await request.json()
        desk.requests.append(record(request, body))
        if desk.refusals:
            status, answer = desk.refusals.pop(0)
            return JSONResponse(answer or {}, status)
        if desk.playing:
            task = asyncio.create_task(play(desk, reference, action, body))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            await asyncio.sleep(0.05)
        return JSONResponse(desk.calls[reference], 202)

    @app.post("/test/reset", status_code=204)
    async def test_reset() -> None:
        desk.drop_streams()
        desk.__init__()  # type: ignore[misc]  # a new desk, the same routes

    @app.post("/test/show")
    async def test_show(request: Request) -> Call:
        """{"scenario": name, "changes": {...}, "playing": bool}"""
        order = await request.json()
        desk.playing = order.get("playing", False)
        return desk.publish(scenes.SCENARIOS[order["scenario"]](now_ms()) | order.get("changes", {}))

    @app.post("/test/set", status_code=204)
    async def test_set(request: Request) -> None:
        """{"refusals": [[status, body], ...], "down": bool, "signed_in": bool, "drop": bool, "forget": reference}"""
        order = await request.json()
        desk.refusals = [tuple(entry) for entry in order.get("refusals", [])]
        desk.down = order.get("down", desk.down)
        desk.signed_in = order.get("signed_in", desk.signed_in)
        desk.calls.pop(order.get("forget", ""), None)
        if order.get("drop"):
            desk.drop_streams()

    @app.get("/test/seen")
    def test_seen() -> dict[str, Any]:
        return {"requests": desk.requests, "streams": desk.stream_headers, "open": len(desk.streams)}

    app.mount("/static", StaticFiles(directory=STATIC))
    return app


def behind_a_path(app: FastAPI) -> Starlette:
    """The same desk at `/` and, as behind a CRM's web server, at `/callseal/`."""
    return Starlette(routes=[Mount("/callseal", app), Mount("/", app)])


async def play(desk: Desk, reference: str, action: str, body: dict[str, Any]) -> None:
    """What a real desk would make of one press, in a second or two."""
    old = desk.calls[reference]
    keep = {
        "reference": reference,
        "caller": old["caller"],
        "called": old["called"],
        "started_at": old["started_at"],
    }

    def show(scenario: str, **changes: Any) -> None:
        desk.publish(scenes.SCENARIOS[scenario](now_ms()) | keep | changes)

    if action == "secure":
        show("securing", evidence=scenes.evidence())
        held: list[str] = []
        for name in ("partner", "customer_leg", "agent_leg", "fence"):
            await asyncio.sleep(0.2)
            held.append(name)
            show("securing", evidence=scenes.evidence(*held), deadline_at=now_ms() + 2_000)
        show("secured")
    elif action == "capture":
        await play_capture(show, body["fields"])
    elif action == "reset":
        wanted = body["field"]
        fields = [
            scenes.field(f["name"], "active") if f["name"] == wanted or wanted is None else f
            for f in old["fields"]
        ]
        show("capturing", fields=fields)
    elif action == "charge":
        amount = {"minor": body["amount"], "currency": body["currency"]}
        show("authorising", amount=amount)
        await asyncio.sleep(0.8)
        show("approved", amount=amount)
    else:
        show("restoring", result=old["result"], amount=old["amount"])
        await asyncio.sleep(0.5)
        show("ready", result=old["result"], amount=old["amount"])


async def play_capture(show: Any, names: list[str]) -> None:
    fields = [scenes.field(name) for name in names]
    done = {
        "card_number": scenes.VALID_CARD,
        "expiry": scenes.VALID_EXPIRY,
        "security_code": scenes.VALID_CODE,
    }
    for place, name in enumerate(names):
        low = fields[place]["min"]
        for count in range(low + 1):
            brand = "visa" if name == "card_number" and count > 0 else None
            fields[place] = scenes.field(name, "active", count, brand=brand)
            show("capturing", fields=list(fields), amount=None)
            await asyncio.sleep(0.04)
        fields[place] = done.get(name, scenes.field(name, "valid", low, masked=scenes.DOT * low))
    show("captured", fields=fields, amount=None)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.85.0.1")
    parser.add_argument("--port", type=int, default=8050)
    options = parser.parse_args()
    desk = Desk()
    desk.publish(scenes.ready(now_ms()))
    server = uvicorn.Server(
        uvicorn.Config(
            behind_a_path(build_app(desk)),
            host=options.host,
            port=options.port,
            log_level="warning",
            timeout_graceful_shutdown=1,
        )
    )
    server.run()


if __name__ == "__main__":
    main()
