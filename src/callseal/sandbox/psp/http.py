"""The PSP simulator's API. No answer, error or log line holds anything of a card but its brand and last four digits.

| call | answer |
|---|---|
| `POST /v1/charges`, `Idempotency-Key` | 200 the result; 400 `missing_idempotency_key`; 409 `idempotency_conflict`; 422 `invalid_body`, `not_a_test_card`, `unknown_stored_card`; 500 and 504 by fault |
| `GET /v1/charges/{key}` | 200 the result, or `{"status": "pending"}`; 404 `unknown_charge` |
| `GET /v1/stored-cards/{id}` | 200 `{"stored_card", "brand", "last4"}`; 404 `unknown_stored_card` |
| `GET /faults`, `POST /faults` `{"kind", "times"}` | 200 what is set |
| `GET /healthz` | 200 |
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from callseal.sandbox.psp.bodies import (
    KEY,
    ChargeBody,
    FaultBody,
    NotATestCardError,
    UnknownStoredCardError,
    problems,
)
from callseal.sandbox.psp.charges import Charges, KeyReusedError, LostError
from callseal.sandbox.psp.public_cards import STORED_CARDS

_LONGEST_BODY = 16_384

log = structlog.get_logger("callseal.psp")


class ProblemError(Exception):
    """A refusal with status, stable id and words that repeat nothing of the request."""

    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(message)
        self.answer = JSONResponse({"error": error, "message": message}, status)


def create_app(charges: Charges, today: Callable[[], tuple[int, int]]) -> FastAPI:
    """`today()` is (year, month), the PSP's calendar."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.exception_handler(ProblemError)
    async def refused(_: Request, error: ProblemError) -> JSONResponse:
        return error.answer

    @app.post("/v1/charges")
    async def charge(request: Request) -> JSONResponse:
        key = request.headers.get("idempotency-key", "")
        if not KEY.fullmatch(key):
            raise ProblemError(
                400, "missing_idempotency_key", "Idempotency-Key: 1 to 128 of A-Z a-z 0-9 . _ : ~ -"
            )
        content = await _json(request)
        digest = charges.digest(content)
        known = charges.known(key)
        try:
            if known is not None:
                return JSONResponse(await charges.replay(known, digest))
            answer = await charges.take(key, digest, _charge_body(content).plan(today()))
        except KeyReusedError:
            raise ProblemError(
                409, "idempotency_conflict", "this key came with another body before"
            ) from None
        except NotATestCardError as error:
            raise ProblemError(422, "not_a_test_card", str(error)) from None
        except UnknownStoredCardError as error:
            raise ProblemError(422, "unknown_stored_card", str(error)) from None
        except LostError as lost:
            if lost.error:
                raise ProblemError(500, "processing_error", "not charged") from None
            raise ProblemError(504, "timeout", "no answer in time") from None
        log.info("charge", status=answer["status"], psp_reference=answer["psp_reference"])
        return JSONResponse(answer)

    @app.get("/v1/charges/{key}")
    async def ask(key: str) -> JSONResponse:
        known = charges.known(key)
        if known is None:
            raise ProblemError(404, "unknown_charge", "this key was never seen")
        return JSONResponse(known.answer or {"status": "pending"})

    @app.get("/v1/stored-cards/{stored_card}")
    async def stored(stored_card: str) -> JSONResponse:
        plan = STORED_CARDS.get(stored_card)
        if plan is None:
            raise ProblemError(404, "unknown_stored_card", "no such stored card")
        return JSONResponse({"stored_card": stored_card, "brand": plan.brand, "last4": plan.last4})

    @app.get("/faults")
    async def faults() -> dict[str, Any]:
        return {"kind": charges.fault or "off", "times": charges.fault_times}

    @app.post("/faults")
    async def set_fault(request: Request) -> dict[str, Any]:
        try:
            body = FaultBody.model_validate(await _json(request))
        except ValidationError as error:
            raise ProblemError(422, "invalid_body", problems(error)) from None
        charges.set_fault(body.kind, body.times)
        return await faults()

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return app


async def _json(request: Request) -> Any:
    raw = await request.body()
    if len(raw) > _LONGEST_BODY:
        raise ProblemError(413, "too_large", "the body is too long")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        # The parser's own words hold a piece of the text.
        raise ProblemError(422, "invalid_body", "the body is not JSON") from None


def _charge_body(content: Any) -> ChargeBody:
    try:
        return ChargeBody.model_validate(content)
    except ValidationError as error:
        raise ProblemError(422, "invalid_body", problems(error)) from None
