"""Every error body is `{"error", "message", "advice"}`. No message repeats what was sent."""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from callseal.payments.errors import Refusal
from callseal.payments.ports import StoreUnavailable

log = structlog.get_logger("callseal.desk.http")


class ApiError(Exception):
    """An answer other than success. `headers` are added to it."""

    def __init__(
        self,
        status: int,
        error: str,
        message: str,
        advice: str = "",
        *,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.message = message
        self.advice = advice
        self.headers = headers

    @property
    def body(self) -> dict[str, str]:
        return {"error": self.error, "message": self.message, "advice": self.advice}


def refusal_body(refusal: Refusal) -> dict[str, Any]:
    return {"error": refusal.id, "message": refusal.message, "advice": refusal.advice}


NO_STORE = {
    "error": "store_unavailable",
    "message": "The desk cannot write anything down at the moment, so it takes no payment.",
    "advice": "Go on with the call and try again in a minute; tell support.",
}
_BY_STATUS = {
    404: ("not_found", "There is nothing here.", "Check the address."),
    405: ("method_not_allowed", "This address does not take that method.", "See the API page."),
    413: ("too_large", "The request is too large.", ""),
}


def install(app: FastAPI) -> None:
    @app.exception_handler(ApiError)
    async def api_error(_: Request, error: ApiError) -> JSONResponse:
        return JSONResponse(error.body, error.status, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        """Names of fields only: the framework's own answer repeats the input."""
        names = sorted(
            {".".join(str(part) for part in problem["loc"][1:]) or "body" for problem in error.errors()}
        )
        body = {
            "error": "invalid_body",
            "message": f"Not as agreed: {', '.join(names)}.",
            "advice": "See the API page.",
        }
        return JSONResponse(body, 422)

    @app.exception_handler(HTTPException)
    async def http_error(_: Request, error: HTTPException) -> JSONResponse:
        name, message, advice = _BY_STATUS.get(error.status_code, ("refused", "Refused.", ""))
        return JSONResponse(
            {"error": name, "message": message, "advice": advice}, error.status_code, headers=error.headers
        )

    @app.exception_handler(StoreUnavailable)
    async def no_store(_: Request, error: StoreUnavailable) -> JSONResponse:
        """Nothing was done: whoever asked may ask again."""
        log.error("store_unavailable", reason=str(error))
        return JSONResponse(NO_STORE, 503)

    @app.exception_handler(Exception)
    async def fault(_: Request, error: Exception) -> JSONResponse:
        """Logged by type; the server's own handler logs the traceback, through the scrubber."""
        log.error("request_failed", error=type(error).__name__)
        body = {
            "error": "fault",
            "message": "Something failed inside the desk.",
            "advice": "Try again; tell support.",
        }
        return JSONResponse(body, 500)
