"""A partner for desk tests, held to openapi.json. Nothing of the product is imported."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
import uuid
from typing import Any

import httpx2
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from tests.support.desk_places import API_KEY, DESK_URL, PARTNER_WEBHOOK, sign
from tests.support.fake_edge import FakeEdge, deliver
from tests.support.partner_contract import check_request, check_webhook, contract


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
