"""The agent's HTTP face: Kamailio's inlet, the desk's control, health and metrics, on one address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from callseal.edge import control, inlet
from callseal.edge.agent import EdgeAgent


def build_app(agent: EdgeAgent) -> FastAPI:
    """The ASGI application; the agent runs while the application does."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with agent.running():
            yield

    app = FastAPI(
        title="Callseal edge agent", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    app.state.agent = agent
    app.include_router(inlet.router)
    app.include_router(control.router)

    @app.get("/healthz")
    async def healthz() -> dict[str, object]:
        """Alive when the spool's disk answers; `ng` tells whether the own rtpengine does."""
        depth = await agent.spool.depth()
        return {"status": "ok", "ng": await agent.ng_answers(), "waiting": depth.rows}

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(await agent.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.exception_handler(RequestValidationError)
    async def bad_body(_: Request, error: RequestValidationError) -> JSONResponse:
        """Names of fields only: FastAPI's own answer repeats the input."""
        names = sorted({str(problem["loc"][-1]) for problem in error.errors()})
        return JSONResponse({"error": "bad_fields", "fields": names}, status_code=400)

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> JSONResponse:
        detail: object = error.detail
        if not isinstance(detail, dict):
            detail = {"error": str(detail)}
        return JSONResponse(detail, status_code=error.status_code, headers=error.headers)

    return app
