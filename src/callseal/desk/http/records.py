"""The call record: one page a call that joins both legs, for as long as the desk keeps its history."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from callseal.desk.http.bodies import Problem
from callseal.desk.http.context import Agent, Ctx
from callseal.desk.http.errors import ApiError

_PROBLEMS: dict[int | str, dict[str, Any]] = {status: {"model": Problem} for status in (401, 403, 404)}
router = APIRouter(prefix="/v1/calls", tags=["calls"], responses=_PROBLEMS)


@router.get("/{reference}/record")
async def record(reference: str, ctx: Ctx, visitor: Agent) -> dict[str, Any]:
    """What happened on one of my tenant's calls, also after its end."""
    found = ctx.desk.store.record(reference)
    if found is None:
        raise ApiError(404, "unknown_call", "There was no such call.", "Check the reference.")
    if found["tenant"] != visitor.tenant:
        raise ApiError(403, "forbidden", "This call is not yours.", "Log in as an agent of its tenant.")
    return found
