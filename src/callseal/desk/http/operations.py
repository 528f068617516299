"""For those who run the desk."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from callseal.desk.http.context import Ctx

router = APIRouter(tags=["operations"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(ctx: Ctx) -> JSONResponse:
    """It can take calls: started, and the disk takes a write. 503 otherwise."""
    store = ctx.desk.store.healthy()
    good = ctx.ready and store
    return JSONResponse({"status": "ready" if good else "not_ready", "store": store}, 200 if good else 503)


@router.get("/metrics")
async def metrics(ctx: Ctx) -> Response:
    return Response(
        ctx.desk.metrics.exposition(ctx.desk.store.count_by_state()), media_type=CONTENT_TYPE_LATEST
    )
