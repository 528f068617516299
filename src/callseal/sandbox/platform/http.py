"""The platform sandbox's API.

| call | answer |
|---|---|
| `POST /events`, signed | 200 `{}`, for a recording `{"acknowledged": true}`; 401 `not_genuine`; 400 `bad_message`; 409 `id_reused`; 413; 422 and 504 by fault |
| `GET /seen` | 200 list of `{"type", "reference", "state", "text", "at" (unix ms), "fault"}`, oldest first; null where it does not apply |
| `GET /faults`, `POST /faults` `{"kind": "refuse" / "not_acknowledged" / "silent" / "off", "times": 1}` | 200 what is set; 422 |
| `GET /healthz` | 200 |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from callseal.sandbox.platform.inbox import Fault, IdReusedError, Inbox
from callseal.sandbox.platform.messages import Message, Recording, ShapeError, read
from callseal.sandbox.platform.signatures import NotGenuineError, message_id

_LONGEST_BODY = 16_384

log = structlog.get_logger("callseal.platform")


class FaultBody(BaseModel):
    """The next `times` messages meet this fault."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Fault | Literal["off"]
    times: Annotated[int, Field(gt=0, le=10_000)] = 1


def create_app(inbox: Inbox, *, secret: bytes, now_ms: Callable[[], int]) -> FastAPI:
    """`secret` is the decoded webhook secret, `now_ms()` the platform's clock."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, __: RequestValidationError) -> JSONResponse:
        return _problem(422, "invalid_body", "kind and times")

    @app.post("/events")
    async def event(request: Request) -> JSONResponse:
        body = await request.body()
        if len(body) > _LONGEST_BODY:
            return _problem(413, "too_large", "the body is too long")
        now = now_ms()
        try:
            identity = message_id(request.headers, body, secret=secret, now_s=now // 1000)
            message = read(body)
            fault = inbox.take(identity, body, message, now)
        except NotGenuineError as error:
            log.warning("not_genuine", reason=error.reason)
            return _problem(401, "not_genuine", error.reason)
        except ShapeError as error:
            log.warning("bad_message", reason=str(error))
            return _problem(400, "bad_message", str(error))
        except IdReusedError:
            return _problem(409, "id_reused", "this webhook-id came with another body before")
        log.info("event", type=message.type, fault=fault)
        if fault is Fault.SILENT:
            await inbox.silence()
        return _answer(message, fault)

    @app.get("/seen")
    async def seen() -> list[dict[str, Any]]:
        return inbox.seen

    @app.get("/faults")
    async def faults() -> dict[str, Any]:
        return {"kind": inbox.fault or "off", "times": inbox.fault_times}

    @app.post("/faults")
    async def set_fault(body: FaultBody) -> dict[str, Any]:
        inbox.set_fault(body.kind if isinstance(body.kind, Fault) else None, body.times)
        return await faults()

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return app


def _answer(message: Message, fault: Fault | None) -> JSONResponse:
    if fault is Fault.REFUSE:
        return _problem(422, "refused", "the platform will not do it")
    if fault is Fault.SILENT:
        return _problem(504, "timeout", "no answer in time")
    return JSONResponse({"acknowledged": fault is None} if isinstance(message, Recording) else {})


def _problem(status: int, error: str, message: str) -> JSONResponse:
    return JSONResponse({"error": error, "message": message}, status)
