"""What agents and integrators call: their calls, and the presses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from callseal.desk.http.bodies import Call, CaptureBody, ChargeBody, Nothing, Problem, ResetBody
from callseal.desk.http.context import Agent, Context, Ctx, Key, Presser, fingerprint
from callseal.desk.http.errors import ApiError, refusal_body
from callseal.desk.logins import Visitor
from callseal.desk.view import card
from callseal.payments import events as ev
from callseal.payments.errors import Refusal
from callseal.payments.money import Money
from callseal.payments.ports import Answer
from callseal.payments.session import Session

HOLD_WAIT_S = 0.5
"""How long an answer to Secure waits for the hold: whoever has the answer may count on it, unless the edge is slow or away."""

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem} for status in (400, 401, 403, 404, 409, 410, 422)
}
router = APIRouter(prefix="/v1/calls", tags=["calls"], responses=_PROBLEMS)


@router.get("")
async def calls(ctx: Ctx, visitor: Agent) -> list[Call]:
    """The live calls of my tenant, oldest first."""
    return [card(session) for session in ctx.desk.store.live_sessions(visitor.tenant)]


@router.get("/{reference}")
async def call(reference: str, ctx: Ctx, visitor: Agent) -> Call:
    return card(_mine(ctx, visitor, reference))


def _mine(ctx: Context, visitor: Visitor, reference: str) -> Session:
    session = ctx.desk.store.load(reference)
    if session is None:
        raise ApiError(
            404, "unknown_call", "There is no such call.", "It may be over. Look at the list of calls."
        )
    if session.tenant != visitor.tenant:
        raise ApiError(403, "forbidden", "This call is not yours.", "Log in as an agent of its tenant.")
    return session


@dataclass(frozen=True, slots=True)
class Press:
    """A press that may be made: the agent is logged in, the page is ours, the key is there, the call is theirs."""

    request: Request
    ctx: Context
    login: str
    key: str
    reference: str

    def make(self, event: ev.Happening, body: BaseModel | None = None) -> JSONResponse:
        """Do it once for one key; say the same answer again for the same request, and 409 for another one."""
        desk, scope = self.ctx.desk, f"agent:{self.login}"
        print_ = fingerprint(self.request, body.model_dump(mode="json") if body is not None else {})
        kept = desk.store.answer(scope, self.key)
        if kept is not None:
            if kept.fingerprint != print_:
                raise ApiError(
                    409,
                    "idempotency_conflict",
                    "This key was used for another request.",
                    "Send a new key for each press.",
                )
            return JSONResponse(kept.body, kept.status, headers={"Idempotent-Replayed": "true"})
        try:
            after = desk.apply(
                self.reference,
                event,
                source=scope,
                answer=lambda session: Answer(scope, self.key, print_, 202, card(session)),
            )
        except Refusal as refusal:
            answer = Answer(scope, self.key, print_, refusal.status, refusal_body(refusal))
            desk.store.keep_answer(answer, self.ctx.now)
            desk.metrics.refusals.labels(refusal.id).inc()
            return JSONResponse(answer.body, answer.status)
        return JSONResponse(card(after), 202)


async def pressing(reference: str, request: Request, ctx: Ctx, visitor: Presser, key: Key) -> Press:
    _mine(ctx, visitor, reference)
    return Press(request, ctx, visitor.login, key, reference)


Pressed = Annotated[Press, Depends(pressing)]


@router.post("/{reference}/secure", status_code=202)
async def secure(press: Pressed, body: Nothing | None = None) -> JSONResponse:
    """Secure the line. Answered when the hold stands, after half a second at the latest; the rest comes by the events."""
    answer = press.make(ev.SecurePressed(press.login), body)
    await press.ctx.desk.dispatcher.edge_answered(press.reference, HOLD_WAIT_S)
    return answer


@router.post("/{reference}/capture", status_code=202)
async def capture(press: Pressed, body: CaptureBody) -> JSONResponse:
    """Ask the customer for card fields. Only when secured."""
    return press.make(ev.CapturePressed(tuple(body.fields), body.stored_card, press.login), body)


@router.post("/{reference}/reset", status_code=202)
async def reset(press: Pressed, body: ResetBody | None = None) -> JSONResponse:
    """Start one field again, or all (null)."""
    return press.make(ev.ResetPressed(body.field if body else None, press.login), body)


@router.post("/{reference}/charge", status_code=202)
async def charge(press: Pressed, body: ChargeBody) -> JSONResponse:
    """Take the money, once."""
    taken = press.ctx.settings.currencies
    if body.currency not in taken:
        raise ApiError(
            422, "currency_refused", "This currency is not taken here.", f"Use {', '.join(taken)}."
        )
    return press.make(ev.ChargePressed(Money(body.amount, body.currency), press.login), body)


@router.post("/{reference}/cancel", status_code=202)
async def cancel(press: Pressed, body: Nothing | None = None) -> JSONResponse:
    """Stop and come home."""
    return press.make(ev.CancelPressed(press.login), body)


@router.post("/{reference}/release", status_code=202)
async def release(press: Pressed, body: Nothing | None = None) -> JSONResponse:
    """Come home after a result."""
    return press.make(ev.ReleasePressed(press.login), body)
