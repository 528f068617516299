"""Payments off for every call, and on again: by operators and by the canary, with the operators' bearer secret."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import structlog
from fastapi import APIRouter, Depends
from pydantic import Field

from callseal.desk.http.bodies import Problem, Strict
from callseal.desk.http.context import Ctx, from_an_operator
from callseal.payments.names import PaymentsOff
from callseal.payments.ports import PaymentsSwitch

log = structlog.get_logger("callseal.desk.operations")
_PROBLEMS: dict[int | str, dict[str, Any]] = {status: {"model": Problem} for status in (401, 422, 503)}
router = APIRouter(
    prefix="/v1/operations",
    tags=["operations"],
    dependencies=[Depends(from_an_operator)],
    responses=_PROBLEMS,
)


class SwitchBody(Strict):
    """`by`: who switches, for the log."""

    allowed: bool
    by: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z_.@-]{0,63}$")]


class CanaryBody(Strict):
    """What came of one canary call. `digits`: keys that reached the agent's side from the press of Secure until the call was home.
    `secured_ms`: from the press until secured, null when it never was. `at`: its end, unix ms."""

    verdict: Literal["clean", "digits", "deaf", "failed", "payments_off"]
    digits: Annotated[int, Field(ge=0, le=10_000)]
    secured_ms: Annotated[int, Field(ge=0, le=600_000)] | None
    at: Annotated[int, Field(ge=0)]


class Payments(Strict):
    """How the switch stands. `since` is unix ms; all three are null while payments are on."""

    allowed: bool
    reason: str | None = None
    since: int | None = None
    by: str | None = None


def _payments(switch: PaymentsSwitch | None) -> Payments:
    if switch is None:
        return Payments(allowed=True)
    return Payments(allowed=False, reason=str(switch.reason), since=switch.at, by=switch.by)


@router.get("/payments")
async def payments(ctx: Ctx) -> Payments:
    return _payments(ctx.desk.store.payments_switch())


@router.post("/payments")
async def switch(ctx: Ctx, body: SwitchBody) -> Payments:
    """Off or on for every call. The canary never calls this: what it switched off a person switches on."""
    return _payments(ctx.desk.switch_payments(None if body.allowed else PaymentsOff.SWITCHED_OFF, body.by))


@router.post("/canary")
async def canary(ctx: Ctx, body: CanaryBody) -> Payments:
    """The result of a canary call. A digit switches payments off; nothing here switches them on."""
    off = ctx.desk.store.payments_switch()
    if body.digits > 0 or body.verdict == "digits":
        off = ctx.desk.switch_payments(PaymentsOff.CANARY_FAILED, "canary")
    ctx.desk.metrics.canary(body.verdict, body.digits, body.secured_ms, body.at)
    log.info("canary_call", verdict=body.verdict, digits=body.digits, secured_ms=body.secured_ms)
    return _payments(off)
