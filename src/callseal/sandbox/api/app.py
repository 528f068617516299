"""The routes. Who may call is decided before anything is read; what a call does is the session's business."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from callseal.sandbox.api.bodies import ForgeBody
from callseal.sandbox.api.idempotency import Answer, ConflictError, Once
from callseal.sandbox.api.refusals import ProblemError
from callseal.sandbox.api.verbs import Verb, Verbs
from callseal.sandbox.capture.table import NotNowError
from callseal.sandbox.session.charges import Charges
from callseal.sandbox.session.session import Session
from callseal.sandbox.session.switchboard import Switchboard
from callseal.sandbox.session.switches import Switches
from callseal.sandbox.session.table import WrongStateError
from callseal.sandbox.session.webhooks import Webhooks

_KEY = re.compile(r"[A-Za-z0-9._:~-]{1,128}")
_LONGEST_BODY = 16_384


def create_app(
    *,
    api_key: str,
    switchboard: Switchboard,
    charges: Charges,
    verbs: Verbs,
    switches: Switches,
    webhooks: Webhooks,
) -> FastAPI:
    """The ASGI application of contract section 5, with `/faults` for tests."""
    app = FastAPI(title="Sandbox payment partner", docs_url=None, redoc_url=None, openapi_url=None)
    once = Once()

    @app.exception_handler(ProblemError)
    async def problem(_request: Request, error: ProblemError) -> JSONResponse:
        return JSONResponse(error.body, error.status)

    @app.middleware("http")
    async def gate(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        path = request.url.path
        if switches.drop_rest and path not in ("/faults", "/healthz"):
            # Take the request and never answer: the caller's own time-out is what is being tested.
            while (await request.receive())["type"] != "http.disconnect":
                continue
        offered = request.headers.get("authorization", "").encode()
        if path != "/healthz" and not hmac.compare_digest(offered, f"Bearer {api_key}".encode()):
            return JSONResponse({"error": "unauthorised", "message": "wrong or missing API key"}, 401)
        return await call_next(request)

    def session_of(request: Request) -> Session:
        session = switchboard.find(request.headers.get("session-token", ""))
        if session is None:
            raise ProblemError(404, "unknown_token", "no live call has this token")
        return session

    def route(verb: Verb) -> Callable[[Request], Awaitable[JSONResponse]]:
        async def run(request: Request) -> JSONResponse:
            key, body = await _read(request)

            async def work() -> Answer:
                try:
                    return Answer(202, await verb(session_of(request), body, key))
                except ProblemError as refused:
                    return Answer(refused.status, refused.body)
                except (WrongStateError, NotNowError) as refused:
                    facts = {"error": "wrong_state", "message": str(refused), "state": str(refused.state)}
                    return Answer(409, facts, passing=str(refused.state) == "ringing")

            token = request.headers.get("session-token", "")
            try:
                answer = await once.do(token=token, path=request.url.path, key=key, body=body, work=work)
            except ConflictError:
                raise ProblemError(
                    409, "idempotency_conflict", "this key came with another body before"
                ) from None
            return JSONResponse(dict(answer.body), answer.status)

        return run

    for name, verb in verbs.by_path.items():
        app.add_api_route(f"/v1/session/{name}", route(verb), methods=["POST"], status_code=202, name=name)

    @app.get("/v1/charges/{key}")
    async def look_up(key: str) -> JSONResponse:
        known = await charges.look_up(key)
        if known is None:
            raise ProblemError(404, "unknown_charge", "this key was never seen")
        return JSONResponse(known.facts())

    @app.get("/v1/session")
    async def show(request: Request) -> JSONResponse:
        session = session_of(request)
        fields = [asdict(view) for view in session.fields()]
        return JSONResponse({"session": session.name, "state": session.state, "fields": fields})

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/faults")
    async def faults() -> JSONResponse:
        return JSONResponse(switches.model_dump())

    @app.post("/faults")
    async def set_faults(request: Request) -> JSONResponse:
        await _set_faults(await request.body(), switches, webhooks)
        return JSONResponse(switches.model_dump())

    return app


async def _read(request: Request) -> tuple[str, bytes]:
    """Idempotency key and body. Raises `ProblemError`."""
    key = request.headers.get("idempotency-key", "")
    if not _KEY.fullmatch(key):
        raise ProblemError(
            400, "missing_idempotency_key", "Idempotency-Key: 1 to 128 of A-Z a-z 0-9 . _ : ~ -"
        )
    body = await request.body()
    if len(body) > _LONGEST_BODY:
        raise ProblemError(422, "invalid_body", "the body is too long")
    return key, body


async def _set_faults(body: bytes, switches: Switches, webhooks: Webhooks) -> None:
    try:
        wanted = dict(json.loads(body or b"{}"))
        forged = wanted.pop("forge_webhook", None)
        switches.change(**wanted)
        if forged is not None:
            forge = ForgeBody.model_validate(forged)
            await webhooks.forge(forge.type, {"session": forge.session, "seq": 1, **forge.data})
    except (ValueError, TypeError):  # pydantic's error is a ValueError
        raise ProblemError(422, "invalid_body", "unknown switch, or a value that it cannot take") from None
