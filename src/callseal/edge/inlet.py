"""Kamailio's side door: form-encoded notices, many in one request, answered 204 when all of them are on the disk.

Notices of one call are taken in their order, calls beside each other, so that one flush serves all that have come together.

Fields are named in docs/reference/interfaces.md, section 4. A refusal names the fields and never repeats a value: one of
them is the token.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import parse_qsl

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SecretStr, ValidationError

from callseal.edge.agent import EdgeAgent
from callseal.edge.answers import rtpengine_errors
from callseal.edge.carrier_blocks import NoSuchLegError
from callseal.edge.events import Evidence
from callseal.edge.watcher import Answered
from callseal.observe.scrubber import party

MAX_BODY = 16_384
MAX_NOTICES = 65_536

log = structlog.get_logger("callseal.edge.inlet")


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("control characters")
    return value


def _number(value: Any) -> Any:
    """An absent number arrives as an empty field; everything in a form is text."""
    if value == "":
        return 0
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value


Text = Annotated[str, Field(max_length=256), AfterValidator(_printable)]
Filled = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_printable)]
Party = Annotated[Text, AfterValidator(party)]
"""A telephone number. Whoever calls may say that a card number is theirs: it goes no further."""
Number = Annotated[int, BeforeValidator(_number), Field(ge=0, lt=2**32)]
Reference = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
M = TypeVar("M", bound=BaseModel)


class HandOff(BaseModel):
    """Router -> desk: this call has this token."""

    reference: Reference
    tenant: Text
    number: Party
    direction: Literal["in", "out"]
    token: SecretStr = Field(max_length=256)
    reason: Literal["", "no_token", "partner_down", "payments_off", "carrier_not_trusted"] = ""
    caller: Party = ""
    called: Party = ""
    customer_call_id: Text = ""
    agent_call_id: Text = ""
    node: Text = ""
    region: Text = ""
    partner: Text = ""


class LegNotice(BaseModel):
    """What has happened to a leg."""

    reference: Reference
    leg: Literal["customer", "agent"]
    call_id: Filled
    node: Text = ""
    cseq: Number = 0
    kind: Literal["offered", "answered", "refused", "undone", "ended", "held", "unheld", "lost"]
    where: Literal["", "partner", "home"] = ""
    code: Number = 0
    tag: Text = ""


async def from_own_kamailio(request: Request) -> None:
    """403 unless the connection comes from this edge's Kamailio or from loopback itself. A coroutine, although it awaits nothing: the
    framework takes a plain function to another thread, for each request."""
    agent: EdgeAgent = request.app.state.agent
    if request.client is None or request.client.host not in agent.settings.peers:
        agent.metrics.refused.labels("inlet_source").inc()
        raise HTTPException(403, {"error": "not_our_kamailio"})


router = APIRouter(prefix="/inlet", dependencies=[Depends(from_own_kamailio)])


@router.post("/notices", status_code=204)
async def take_notices(request: Request) -> Response:
    """400 when one was refused: the others are taken all the same, and nothing is to be said again. 500: say all of it again."""
    agent: EdgeAgent = request.app.state.agent
    lines = (await _body(request, MAX_NOTICES)).split(b"\n")
    calls: dict[str, list[HandOff | LegNotice]] = {}
    refused: list[HTTPException] = []
    for line in filter(None, lines):
        kind, _, form = line.partition(b"?")
        try:
            notice = _notice(agent, kind, form)
        except HTTPException as error:
            refused.append(error)
        else:
            calls.setdefault(notice.reference, []).append(notice)
    for outcome in await asyncio.gather(
        *(_in_order(agent, each) for each in calls.values()), return_exceptions=True
    ):
        if isinstance(outcome, BaseException):
            raise outcome
        refused += outcome
    if refused:
        raise refused[0]
    return Response(status_code=204)


def _notice(agent: EdgeAgent, kind: bytes, form: bytes) -> HandOff | LegNotice:
    if kind == b"handoff":
        return _parsed(agent, form, HandOff)
    if kind == b"leg":
        return _parsed(agent, form, LegNotice)
    agent.metrics.refused.labels("inlet_fields").inc()
    raise HTTPException(400, {"error": "bad_kind"})


async def _in_order(agent: EdgeAgent, notices: list[HandOff | LegNotice]) -> list[HTTPException]:
    """Those of one call. What is refused does not hold up what follows; what cannot be written does."""
    refused = []
    for notice in notices:
        try:
            if isinstance(notice, HandOff):
                await _hand_off(agent, notice)
            else:
                await _leg(agent, notice)
        except HTTPException as error:
            refused.append(error)
    return refused


@router.post("/handoff", status_code=204)
async def take_handoff(request: Request) -> Response:
    """One alone."""
    agent: EdgeAgent = request.app.state.agent
    await _hand_off(agent, _parsed(agent, await _body(request, MAX_BODY), HandOff))
    return Response(status_code=204)


@router.post("/leg", status_code=204)
async def take_leg(request: Request) -> Response:
    """One alone."""
    agent: EdgeAgent = request.app.state.agent
    await _leg(agent, _parsed(agent, await _body(request, MAX_BODY), LegNotice))
    return Response(status_code=204)


class AboutToMove(BaseModel):
    """The agent leg is about to go to the partner."""

    reference: Reference


@router.post("/hold", status_code=204)
async def hold_first(request: Request) -> Response:
    """Kamailio waits for this one, with the partner's re-INVITE in its hand: 204, the customer is not heard at the platform."""
    agent: EdgeAgent = request.app.state.agent
    wanted = _parsed(agent, await _body(request, MAX_BODY), AboutToMove)
    try:
        with rtpengine_errors():
            await agent.holds.hold_for_agent_leg(wanted.reference)
    except NoSuchLegError:
        raise HTTPException(404, {"error": "unknown_call"}) from None
    return Response(status_code=204)


async def _hand_off(agent: EdgeAgent, handoff: HandOff) -> None:
    now = agent.now_ms()
    token = handoff.token.get_secret_value()
    body = handoff.model_dump(exclude={"token"}) | {
        "token": token,
        "reason": handoff.reason or ("" if token else "no_token"),
        "edge": agent.settings.edge,
        "at": now,
    }
    # Neither waits for the other; the flush of the second takes both to the disk.
    _, added = await asyncio.gather(
        agent.journal.note_handoff(
            handoff.reference,
            node=handoff.node,
            now=now,
            customer_call_id=handoff.customer_call_id,
            agent_call_id=handoff.agent_call_id,
        ),
        agent.spool.put(
            reference=handoff.reference, kind="handoff", idempotency_key=handoff.reference, body=body, now=now
        ),
    )
    log.info("handoff_taken", reference=handoff.reference, reason=body["reason"], repeated=not added)


async def _leg(agent: EdgeAgent, notice: LegNotice) -> None:
    await _act(agent, notice)
    if notice.kind != "ended":
        await agent.journal.note_call(
            notice.reference,
            node=notice.node,
            now=agent.now_ms(),
            **{f"{notice.leg}_call_id": notice.call_id},
        )


async def _act(agent: EdgeAgent, notice: LegNotice) -> None:
    reference, leg = notice.reference, notice.leg
    where = notice.where or None
    match notice.kind:
        case "offered":
            agent.watcher.superseded(reference, leg, notice.cseq)
        case "answered":
            if notice.where == "":
                raise HTTPException(400, {"error": "bad_fields", "fields": ["where"]})
            agent.watcher.answered(
                Answered(
                    reference=reference,
                    leg=leg,
                    call_id=notice.call_id,
                    node=notice.node,
                    cseq=notice.cseq,
                    target=notice.where,
                    status=notice.code or 200,
                )
            )
        case "refused" | "undone":
            agent.watcher.superseded(reference, leg, notice.cseq)
            evidence = Evidence(status=notice.code or None, held=agent.holds.is_held(reference))
            kind: Literal["leg_refused", "leg_undone"] = (
                "leg_refused" if notice.kind == "refused" else "leg_undone"
            )
            await agent.reporter.report(reference, kind, leg, where=where, evidence=evidence)
        case "held":
            await agent.holds.noted_held(reference, notice.call_id, notice.node, notice.cseq)
        case "unheld":
            await agent.holds.noted_unheld(reference, notice.cseq)
        case "lost":
            # Its end may be heard by another edge: the desk is told. Neither waits for the other; the flush of the second takes both.
            await asyncio.gather(
                agent.forks.lost(reference, leg, notice.tag, now=agent.now_ms()),
                agent.reporter.report(reference, "fork_lost", leg, tag=notice.tag),
            )
        case "ended" if agent.forks.has_lost(reference, leg, notice.tag):
            log.info("fork_ended", reference=reference, leg=leg)
        case "ended":
            agent.watcher.cancel(reference, leg)
            if await agent.spool.drop_token(reference):
                log.info("token_dropped", reference=reference)
            if leg == "customer":
                await agent.holds.ended(reference)
            await agent.reporter.report(reference, "call_ended", leg, where=where, tag=notice.tag)
            await agent.journal.forget_leg(reference, leg)
            await agent.forks.ended(reference, leg)


def read_form(body: bytes) -> dict[str, str]:
    """The fields of a form; `ValueError` when it is none or names a field twice (which one would count?)."""
    pairs = parse_qsl(
        body.decode("utf-8"), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=32
    )
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field is given twice")
    return fields


async def _body(request: Request, most: int) -> bytes:
    agent: EdgeAgent = request.app.state.agent
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            agent.metrics.refused.labels("inlet_size").inc()
            raise HTTPException(413, {"error": "too_long"})
    return bytes(body)


def _parsed(agent: EdgeAgent, form: bytes, model: type[M]) -> M:
    try:
        fields = read_form(form)
    except ValueError:
        agent.metrics.refused.labels("inlet_form").inc()
        raise HTTPException(400, {"error": "bad_form"}) from None
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        names = sorted({str(problem["loc"][0]) for problem in error.errors(include_input=False)})
    agent.metrics.refused.labels("inlet_fields").inc()
    log.warning("bad_fields", fields=names)
    raise HTTPException(400, {"error": "bad_fields", "fields": names})
