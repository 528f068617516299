"""The desk's world without telephony: a partner, an edge agent and a platform that speak the contract over real sockets.

Nothing of the product is imported by the fakes; they are written from docs/reference/interfaces.md, and the partner is held to openapi.json. Each has switches that a test
turns to make it refuse, stay silent or lie. Addresses are in 127.84.0.0/24.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import os
import signal
import socket
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from tests.support.partner_contract import check_request, check_webhook, contract

EDGE, PARTNER, PLATFORM, DESK = "127.84.0.22", "127.84.0.30", "127.84.0.41", "127.84.0.50"
DESK_URL = f"http://{DESK}:8050"
EDGE_SECRET = "an-edge-secret-of-the-tests"
OPERATOR_SECRET = "an-operator-secret-of-the-tests"
API_KEY = "a-partner-key-of-the-tests"
PARTNER_WEBHOOK = "whsec_" + base64.b64encode(b"partner webhook secret 32 bytes!").decode()
PLATFORM_WEBHOOK = "whsec_" + base64.b64encode(b"platform webhook secret 32 byte!").decode()
PASSWORDS = {"alice": "correct horse battery", "bob": "staple of another tenant"}
ROOT = Path(__file__).parents[2]
FORGOTTEN_S = 2.0
PATIENCE_S = 8.0


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": "v1," + base64.b64encode(mac).decode(),
        "content-type": "application/json",
    }


class Server:
    """An ASGI application on a real socket, in this event loop."""

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            lifespan="on",
            ws="none",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._server._serve())
        deadline = time.monotonic() + PATIENCE_S
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise RuntimeError("the server ended")
            assert time.monotonic() < deadline
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        self._server.should_exit = True
        if self._task:
            await self._task


class FakeEdge:
    """An edge agent that believes what the test tells it about media, and reports it to the desk until it is taken."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http
        self.app = FastAPI()
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.hold_numbers: list[int] = []
        self.refuse_hold: int | None = None
        self.hold_takes_s = 0.0
        self.down = False
        self.where = {"customer": "home", "agent": "home"}
        self.fenced = True
        self.held = False
        self.anchored = True
        self.app.post("/v1/{verb}")(self._control)

    async def _control(self, verb: str, request: Request) -> Response:
        assert request.headers["authorization"] == f"Bearer {EDGE_SECRET}"
        body = await request.json()
        self.asked.append((verb, body))
        if self.down:
            return JSONResponse({"error": "rtpengine_silent"}, 503)
        if verb == "hold":
            if self.refuse_hold:
                return JSONResponse({"error": "no_such_leg"}, self.refuse_hold)
            await asyncio.sleep(self.hold_takes_s)
            self.held = True
            self.hold_numbers.append(int(request.headers["idempotency-key"].rpartition(".")[2]))
            return JSONResponse({"held": True, "expires_at": now_ms() + body["ttl_ms"]})
        if verb == "unhold":
            self.held = False
            return JSONResponse({"held": False})
        return JSONResponse({"customer": self._leg("customer"), "agent": self._leg("agent")})

    def _leg(self, leg: str) -> dict[str, Any]:
        return {
            "anchored": self.anchored,
            "where": self.where[leg],
            "held": self.held and leg == "customer",
            "fenced": self.fenced and leg == "agent" and self.where[leg] == "partner",
            "packets": {"carrier_to_partner": 14},
        }

    def verbs(self) -> list[str]:
        return [verb for verb, _ in self.asked]

    async def hand_off(self, reference: str, token: str, **changes: Any) -> httpx2.Response:
        body = {
            "reference": reference,
            "tenant": "acme",
            "number": "+442079460123",
            "direction": "in",
            "token": token,
            "reason": "" if token else "no_token",
            "caller": "+447700900123",
            "called": "+442079460123",
            "customer_call_id": f"c-{reference[:6]}@carrier",
            "agent_call_id": f"a-{reference[:6]}@partner",
            "node": "edge-1",
            "region": "local",
            "edge": "edge-1",
            "at": now_ms(),
        } | changes
        return await self.post("/v1/edge/handoffs", body, reference)

    async def post(self, path: str, body: dict[str, Any], key: str) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {EDGE_SECRET}", "Idempotency-Key": key}
        return await self.http.post(DESK_URL + path, json=body, headers=headers)

    async def report(self, reference: str, kind: str, **more: Any) -> None:
        """At least once: again until the desk takes it."""
        event_id = uuid.uuid4().hex[:26]
        body = {
            "event_id": event_id,
            "edge": "edge-1",
            "at": now_ms(),
            "reference": reference,
            "kind": kind,
        } | more
        await deliver(lambda: self.post("/v1/edge/events", body, event_id))

    async def move(
        self, reference: str, leg: str, where: str, *, fenced: bool = True, packets: int = 14
    ) -> None:
        self.where[leg] = where
        if where == "home":
            self.held = True if leg == "customer" else self.held  # Kamailio holds before the restoring offer
        elif leg == "customer":
            self.held = False
        evidence = {
            "status": 200,
            "acked": True,
            "packets": {"carrier_to_partner": packets},
            "fenced": fenced if leg == "agent" else None,
            "held": self.held,
        }
        await self.report(reference, "leg_moved", leg=leg, where=where, evidence=evidence)

    async def bye(self, reference: str, leg: str) -> None:
        await self.report(reference, "call_ended", leg=leg)


async def deliver(post: Callable[[], Awaitable[httpx2.Response]]) -> None:
    deadline = time.monotonic() + 20
    while True:
        with contextlib.suppress(httpx2.HTTPError):
            if (await post()).is_success:
                return
        assert time.monotonic() < deadline, "the desk did not take it"
        await asyncio.sleep(0.03)


class FakePartner:
    """A partner of pattern A: moves legs (through the edge) when asked, and tells the desk by webhook, in order."""

    def __init__(self, http: httpx2.AsyncClient, edge: FakeEdge) -> None:
        self.http = http
        self.edge = edge
        self.app = FastAPI()
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.answers: dict[str, tuple[str, int, dict[str, Any]]] = {}
        self.charges: dict[str, dict[str, Any]] = {}
        self.seq: dict[str, int] = {}
        self.references: dict[str, str] = {}
        self.outcomes: list[str] = ["approved"]
        self.silent: set[str] = set()
        self.swallow: set[str] = set()
        self.refuse: dict[str, tuple[int, str]] = {}
        self.skip_leg: str | None = None
        self.slow_s = 0.0
        self.careless = False
        """Send what the contract forbids."""
        self._closed = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._order: dict[str, asyncio.Lock] = {}
        self.app.post("/v1/session/{verb}")(self._session)
        self.app.get("/v1/charges/{key}")(self._charge)

    @staticmethod
    def name(token: str) -> str:
        return hashlib.sha256(token.encode()).hexdigest()[:32]

    async def _session(self, verb: str, request: Request) -> Response:
        assert request.headers["authorization"] == f"Bearer {API_KEY}"
        key, token, body = (
            request.headers["idempotency-key"],
            request.headers["session-token"],
            await request.json(),
        )
        assert token not in str(request.url)
        check_request("POST", f"/v1/session/{verb}", request.headers, body)
        self.calls.append((verb, key, body))
        print_ = json.dumps([verb, body])
        if self.slow_s:
            await asyncio.sleep(self.slow_s)
        if key in self.answers:
            kept, status, answer = self.answers[key]
            if kept != print_:
                return JSONResponse({"error": "idempotency_conflict", "message": ""}, 409)
            return JSONResponse(answer, status)
        if verb in self.refuse:
            status, error = self.refuse[verb]
            return JSONResponse({"error": error, "message": ""}, status)
        if verb in self.silent:
            return JSONResponse({"session": self.name(token)}, 202)
        answer = {"charge": key} if verb == "charge" else {"session": self.name(token)}
        self.answers[key] = (print_, 202, answer)
        self._start(self._do(verb, key, token, body))
        if verb in self.swallow:
            await asyncio.sleep(3)
        return JSONResponse(answer, 202)

    async def _charge(self, key: str) -> Response:
        self.calls.append(("ask", key, {}))
        if key not in self.charges:
            return JSONResponse({"error": "unknown_charge", "message": ""}, 404)
        return JSONResponse(self.charges[key])

    def _start(self, work: Any) -> None:
        if self._closed:
            work.close()
            return
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """What the desk still asks for begins nothing: its end is asked for at the same time."""
        self._closed = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _do(self, verb: str, key: str, token: str, body: dict[str, Any]) -> None:
        reference = self.references[token]
        if verb == "secure":
            await self.secure(token, reference)
        elif verb == "capture":
            await self.webhook(token, "capture.started", field=body["fields"][0])
        elif verb == "charge":
            await self._authorise(key, token, body)
        elif verb == "release":
            await self.home(token, reference)
        elif verb == "reset":
            await self.webhook(token, "capture.field_reset", field=body["field"] or "card_number", by="agent")
        elif verb == "cancel-capture":
            await self.webhook(token, "capture.cancelled", by="agent")

    async def secure(self, token: str, reference: str) -> None:
        for leg in ("agent", "customer"):
            if leg != self.skip_leg:
                await self.edge.move(reference, leg, "partner")
        await self.webhook(token, "session.secured")

    async def home(self, token: str, reference: str, by: str = "desk", legs: str = "home") -> None:
        if legs == "home":
            for leg in ("customer", "agent"):
                if self.edge.where[leg] != "home":
                    await self.edge.move(reference, leg, "home")
        await self.webhook(token, "session.released", by=by, legs=legs)

    async def type_card(self, token: str, fields: list[str]) -> None:
        """What a customer's keys look like from here: counts."""
        for field in fields:
            most = {"card_number": 16, "expiry": 4, "security_code": 3}[field]
            await self.webhook(token, "capture.started", field=field)
            for count in (1, most):
                await self.webhook(
                    token,
                    "capture.digit",
                    field=field,
                    count=count,
                    min=most,
                    max=most,
                    brand="visa" if count > 1 else None,
                )
            last4 = {"last4": "4242"} if field == "card_number" else {}
            masked = "•••• •••• •••• 4242" if field == "card_number" else "•" * most
            await self.webhook(
                token,
                "capture.field_completed",
                field=field,
                valid=True,
                masked=masked,
                brand="visa",
                **last4,
            )
        await self.webhook(token, "capture.completed")

    async def _authorise(self, key: str, token: str, body: dict[str, Any]) -> None:
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if outcome == "silent":
            return
        self.settle(key, outcome)
        data = {name: value for name, value in self.charges[key].items() if name != "status"}
        if outcome == "approved":
            data |= {"amount": body["amount"], "currency": body["currency"]}
        await self.webhook(token, f"charge.{outcome}", charge=key, **data)

    def settle(self, key: str, outcome: str) -> None:
        more: dict[str, Any] = {}
        if outcome == "approved":
            more = {
                "authorisation_code": "A1B2C3",
                "brand": "visa",
                "last4": "4242",
                "psp_reference": "psp-77",
            }
        elif outcome == "declined":
            more = {"reason": "insufficient_funds"}
        self.charges[key] = {"status": outcome, **more}

    def message(self, token: str, type_: str, seq: int, /, **data: Any) -> bytes:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
        body = {"type": type_, "timestamp": stamp, "data": {"session": self.name(token), "seq": seq, **data}}
        return json.dumps(body).encode()

    async def webhook(self, token: str, type_: str, /, **data: Any) -> None:
        """In order, again until the desk takes it."""
        async with self._order.setdefault(token, asyncio.Lock()):
            seq = self.seq[token] = self.seq.get(token, 0) + 1
            body, message_id = self.message(token, type_, seq, **data), f"msg_{uuid.uuid4().hex}"
            headers = sign(PARTNER_WEBHOOK, message_id, int(time.time()), body)
            if type_ in contract()["webhooks"] and not self.careless:
                check_webhook(headers, json.loads(body))
            await deliver(lambda: self.post(body, sign(PARTNER_WEBHOOK, message_id, int(time.time()), body)))

    async def post(self, body: bytes, headers: dict[str, str]) -> httpx2.Response:
        return await self.http.post(f"{DESK_URL}/v1/webhooks/partner", content=body, headers=headers)

    def verbs(self) -> list[str]:
        return [verb for verb, _, _ in self.calls]


class FakePlatform:
    def __init__(self) -> None:
        self.app = FastAPI()
        self.seen: list[dict[str, Any]] = []
        self.acknowledge = True
        self.status = 200
        self.app.post("/events")(self._take)

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        expected = sign(
            PLATFORM_WEBHOOK, request.headers["webhook-id"], int(request.headers["webhook-timestamp"]), body
        )
        assert hmac.compare_digest(expected["webhook-signature"], request.headers["webhook-signature"])
        self.seen.append(json.loads(body))
        return JSONResponse({"acknowledged": self.acknowledge}, self.status)

    def types(self) -> list[str]:
        return [message["type"] for message in self.seen]


class Card:
    """A logged-in browser."""

    def __init__(self, http: httpx2.AsyncClient, csrf: str) -> None:
        self.http = http
        self.csrf = csrf

    async def press(
        self, reference: str, action: str, body: Any = None, *, key: str | None = None
    ) -> httpx2.Response:
        headers = {"X-CSRF-Token": self.csrf, "Idempotency-Key": key or uuid.uuid4().hex}
        return await self.http.post(f"/v1/calls/{reference}/{action}", json=body or {}, headers=headers)

    async def call(self, reference: str) -> dict[str, Any]:
        answer = await self.http.get(f"/v1/calls/{reference}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def wait(
        self, reference: str, good: Callable[[dict[str, Any]], bool], what: str, timeout_s: float = PATIENCE_S
    ) -> dict[str, Any]:
        deadline = time.monotonic() + timeout_s
        call: dict[str, Any] = {}
        while True:
            with contextlib.suppress(httpx2.HTTPError):
                call = await self.call(reference)
                if good(call):
                    return call
            assert time.monotonic() < deadline, (
                f"no {what}: {call.get('state')} {call.get('notice')} {call.get('evidence')}"
            )
            await asyncio.sleep(0.01)

    async def state(self, reference: str, *states: str, timeout_s: float = PATIENCE_S) -> dict[str, Any]:
        return await self.wait(
            reference, lambda call: call["state"] in states, " or ".join(states), timeout_s
        )


class World:
    """All fakes, and a way to log in. The desk itself is started by the test: in this process or as its own."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http
        self.edge = FakeEdge(http)
        self.partner = FakePartner(http, self.edge)
        self.platform = FakePlatform()
        self._servers = [
            Server(self.edge.app, EDGE, 8022),
            Server(self.partner.app, PARTNER, 8030),
            Server(self.platform.app, PLATFORM, 8041),
        ]
        self._browsers: list[httpx2.AsyncClient] = []

    async def start(self) -> None:
        for server in self._servers:
            await server.start()

    async def stop(self) -> None:
        await self.partner.close()
        for browser in self._browsers:
            await browser.aclose()
        await asyncio.gather(*(server.stop() for server in self._servers))

    async def card(self, login: str = "alice") -> Card:
        browser = httpx2.AsyncClient(base_url=DESK_URL, trust_env=False)
        self._browsers.append(browser)
        answer = await browser.post("/v1/login", data={"username": login, "password": PASSWORDS[login]})
        assert answer.status_code == 200, answer.text
        return Card(browser, answer.json()["csrf"])

    async def offer(
        self, reference: str | None = None, token: str | None = None, **changes: Any
    ) -> tuple[str, str]:
        """A new call: its reference and token."""
        reference, token = (
            reference or uuid.uuid4().hex,
            token if token is not None else f"tok-{uuid.uuid4().hex}",
        )
        self.partner.references[token] = reference
        answer = await self.edge.hand_off(reference, token, **changes)
        assert answer.status_code == 204, answer.text
        return reference, token

    async def reach(self, card: Card, state: str, outcome: str = "approved") -> tuple[str, str]:
        """A call in `state`, by the API."""
        reference, token = await self.offer()
        await card.state(reference, "ready")
        if state in ("ready", "offered"):
            return reference, token
        if state == "securing":
            self.partner.silent.add("secure")
        await self._ok(card.press(reference, "secure"))
        if state == "securing":
            await card.state(reference, "securing")
            return reference, token
        await card.state(reference, "secured")
        if state == "secured":
            return reference, token
        if state in ("restoring", "media_at_partner"):
            self.partner.silent.add("release")
            await self._ok(card.press(reference, "cancel"))
            await card.state(reference, state)
            return reference, token
        await self._ok(
            card.press(reference, "capture", {"fields": ["card_number", "expiry", "security_code"]})
        )
        await card.wait(
            reference, lambda call: any(f["state"] == "active" for f in call["fields"]), "active field"
        )
        if state == "capturing":
            return reference, token
        await self.partner.type_card(token, ["card_number", "expiry", "security_code"])
        await card.state(reference, "captured")
        if state == "captured":
            return reference, token
        self.partner.outcomes = {"authorising": ["silent"], "outcome_unknown": ["unknown"]}.get(
            state, [outcome]
        )
        await self._ok(card.press(reference, "charge", {"amount": 4250, "currency": "GBP"}))
        await card.state(reference, state)
        async with asyncio.timeout(PATIENCE_S):  # the card may know of the press before the partner does
            while "charge" not in self.partner.verbs():  # noqa: ASYNC110 - looked at from outside
                await asyncio.sleep(0.005)
        return reference, token

    async def _ok(self, press: Awaitable[httpx2.Response]) -> None:
        answer = await press
        assert answer.status_code == 202, answer.text


@contextlib.asynccontextmanager
async def world() -> AsyncIterator[World]:
    async with httpx2.AsyncClient(trust_env=False, timeout=5) as http:
        made = World(http)
        await made.start()
        try:
            yield made
        finally:
            await made.stop()


class DeskProcess:
    """The desk as operators run it: `python -m callseal.services.desk`, from a deployment file."""

    def __init__(self, root: Path, *arguments: str) -> None:
        self.root = root
        self.config = root / "callseal.toml"
        self.log = root / "desk.log"
        self._arguments = arguments
        self._process: asyncio.subprocess.Process | None = None
        self._write()

    def _write(self) -> None:
        text = (ROOT / "examples/sandbox.toml").read_text(encoding="utf-8").replace("127.88.0.", "127.84.0.")
        self.config.write_text(text, encoding="utf-8")
        secrets = self.root / "secrets"
        secrets.mkdir(mode=0o700)
        for name, value in {
            "signing-k1": "0123456789abcdef0123456789abcdef",
            "partner-api-key": API_KEY,
            "partner-webhook": PARTNER_WEBHOOK,
            "platform-webhook": PLATFORM_WEBHOOK,
            "edge-secret": EDGE_SECRET,
            "operator-secret": OPERATOR_SECRET,
            "agent-alice": PASSWORDS["alice"],
            "agent-bob": PASSWORDS["bob"],
        }.items():
            (secrets / name).write_text(value, encoding="utf-8")
            (secrets / name).chmod(0o600)

    async def start(self) -> None:
        with self.log.open("ab") as log:
            mark = self.log.stat().st_size
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "callseal.services.desk",
                "--config",
                str(self.config),
                *self._arguments,
                stderr=log,
                env={**os.environ, "PYTHONWARNINGS": "error"},
            )
        deadline = time.monotonic() + 30
        while b'"ready"' not in self.log.read_bytes()[mark:]:
            assert self._process.returncode is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """SIGKILL: no goodbye."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        await self._process.wait()

    async def stop(self) -> int:
        """SIGTERM, and how it ended."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self._process.wait(), 10)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None


async def forgotten(folder: Path, token: str) -> None:
    """Returns when the token is in no file of the store's folder any more. It may be there for 0.2 s after the call's end, and as long as this
    machine is slow."""
    deadline = time.monotonic() + FORGOTTEN_S
    while token.encode() in _content(folder):
        assert time.monotonic() < deadline, "the token is still on the disk"
        await asyncio.sleep(0.02)


def _content(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


def listening(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex((host, port)) == 0
