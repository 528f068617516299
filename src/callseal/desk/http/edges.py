"""What edges report: new calls, and what they saw of the media. Bearer secret, at least once, in order per call."""

from __future__ import annotations

import structlog
from fastapi import APIRouter, Depends, Response
from pydantic import ValidationError

from callseal.desk.http.bodies import BatchAnswer, BatchBody, EdgeEventBody, HandOffBody, Parcel
from callseal.desk.http.context import Context, Ctx, Key, from_an_edge
from callseal.desk.http.errors import ApiError
from callseal.payments import events as ev
from callseal.payments.names import SWITCHED, Direction, Leg, PaymentsOff, Place
from callseal.payments.ports import PartnerPort, StoreUnavailable
from callseal.payments.session import LostFork, Session

log = structlog.get_logger("callseal.desk.edges")
router = APIRouter(prefix="/v1/edge", tags=["edges"], dependencies=[Depends(from_an_edge)])

_REASONS_OF_EDGES = (
    PaymentsOff.NO_TOKEN,
    PaymentsOff.PARTNER_DOWN,
    PaymentsOff.PAYMENTS_OFF,
    PaymentsOff.CARRIER_NOT_TRUSTED,
)
_PLACES = {"partner": Place.PARTNER, "home": Place.HOME, "platform": Place.HOME}


@router.post("/handoffs", status_code=204)
async def hand_off(ctx: Ctx, key: Key, body: HandOffBody) -> Response:
    """A new call. A second delivery is the same call; another token for it is refused."""
    _take_hand_off(ctx, key, body)
    return Response(status_code=204)


def _take_hand_off(ctx: Context, key: str, body: HandOffBody) -> None:
    desk = ctx.desk
    if key != body.reference:
        raise ApiError(400, "wrong_idempotency_key", "The key of a hand-off is its reference.")
    token = body.token.get_secret_value()
    name = _partner(ctx, body).session_name(token) if token else None
    known = desk.store.load(body.reference)
    if known is not None:
        if token and known.partner_session != name and known.payments_off is not PaymentsOff.TOKEN_REUSED:
            desk.metrics.handoffs.labels("conflict").inc()
            raise ApiError(409, "handoff_conflict", "This call was handed off with another token.")
        desk.metrics.handoffs.labels("repeated").inc()
        return
    off = _payments_off(ctx, body, name)
    usable = token if off is None or off in SWITCHED else None  # payments may come back on
    session = Session(
        reference=body.reference,
        tenant=body.tenant,
        number=body.number,
        direction=Direction(body.direction),
        caller=body.caller,
        called=body.called,
        edge=body.edge,
        node=body.node,
        region=body.region,
        customer_call_id=body.customer_call_id,
        agent_call_id=body.agent_call_id,
        started_at=body.at or ctx.now,
        partner_session=name if usable else None,
        payments_off=off,
        partner_id=body.partner,
    )
    desk.hand_off(session, usable, ctx.now)
    desk.metrics.handoffs.labels(str(off or "taken")).inc()
    desk.metrics.handoff_delay.observe(max(ctx.now - (body.at or ctx.now), 0) / 1000)


def _partner(ctx: Context, body: HandOffBody) -> PartnerPort:
    """Whose token it is. An edge may have learnt of a new partner before this desk has: then it waits with the call."""
    try:
        return ctx.desk.partners[body.partner]
    except KeyError:
        ctx.desk.metrics.handoffs.labels("unknown_partner").inc()
        log.warning("partner_unknown", reference=body.reference, partner=body.partner)
        raise ApiError(
            409,
            "unknown_partner",
            "This desk knows no such partner.",
            "Restart it with the edges' deployment.",
        ) from None


def _payments_off(ctx: Context, body: HandOffBody, name: str | None) -> PaymentsOff | None:
    """Why this call takes no payment. A token belongs to one call: seen twice, the second call does not get it."""
    if body.reason:
        return _reason(body)
    if name is None:
        return PaymentsOff.NO_TOKEN
    if ctx.desk.store.by_partner_session(name) is not None:
        log.warning("token_reused", reference=body.reference, session=name)
        return PaymentsOff.TOKEN_REUSED
    switch = ctx.desk.store.payments_switch()
    return switch.reason if switch else None


def _reason(body: HandOffBody) -> PaymentsOff:
    if body.reason in _REASONS_OF_EDGES:
        return PaymentsOff(body.reason)
    log.warning("reason_unknown", reference=body.reference, reason=body.reason, advice="Upgrade this desk.")
    return PaymentsOff.PAYMENTS_OFF


@router.post("/events", status_code=204)
async def edge_event(ctx: Ctx, key: Key, body: EdgeEventBody) -> Response:
    """One report. 409 `unknown_call` asks for it again later: its hand-off may still be on the way."""
    _take_event(ctx, key, body)
    return Response(status_code=204)


def _take_event(ctx: Context, key: str, body: EdgeEventBody) -> None:
    desk = ctx.desk
    if key != body.event_id:
        raise ApiError(400, "wrong_idempotency_key", "The key of an event is its event_id.")
    if desk.store.seen("edge", body.event_id):
        desk.metrics.edge_events.labels("repeated").inc()
        return
    session = desk.store.load(body.reference)
    if session is None:
        if body.at < ctx.now - ctx.settings.forget_unknown_ms:
            desk.metrics.edge_events.labels("forgotten").inc()
            return
        desk.metrics.edge_events.labels("unknown_call").inc()
        raise ApiError(409, "unknown_call", "This call was not handed off yet.", "Send it again later.")
    if _of_a_lost_fork(ctx, body, session):
        return
    event = read(body)
    if event is None:
        desk.metrics.edge_events.labels("ignored").inc()
        log.warning("edge_event_ignored", reference=body.reference)
        return
    desk.metrics.edge_events.labels(body.kind).inc()
    desk.apply(body.reference, event, source=f"edge:{body.edge}", seen=("edge", body.event_id))


def _of_a_lost_fork(ctx: Context, body: EdgeEventBody, session: Session) -> bool:
    """It says that a device has lost, or is the end of one that has, by whichever edge it came: nothing happens to the call.
    Without a tag (an older edge) nobody has lost: the end of any device would be that of a loser."""
    fork = LostFork(Leg(body.leg), body.tag) if body.leg and body.tag else None
    if body.kind == "fork_lost":
        if fork is not None:
            ctx.desk.fork_lost(session, fork, source=f"edge:{body.edge}", seen=("edge", body.event_id))
        ctx.desk.metrics.edge_events.labels("fork_lost").inc()
        return True
    if body.kind == "call_ended" and fork in session.lost_forks:
        ctx.desk.metrics.edge_events.labels("fork_ended").inc()
        log.info("fork_ended", reference=body.reference, leg=body.leg, edge=body.edge)
        return True
    return False


@router.post("/batch")
async def batch(ctx: Ctx, body: BatchBody) -> BatchAnswer:
    """Hand-offs and events, written with one flush: for each the status it would have had alone. 503: none of them is written."""
    with ctx.desk.together():
        return BatchAnswer(statuses=[_status(ctx, parcel) for parcel in body.parcels])


def _status(ctx: Context, parcel: Parcel) -> int:
    try:
        if parcel.kind == "handoff":
            _take_hand_off(ctx, parcel.key, HandOffBody.model_validate(parcel.body))
        else:
            _take_event(ctx, parcel.key, EdgeEventBody.model_validate(parcel.body))
    except ApiError as error:
        return error.status
    except ValidationError:
        return 422
    except StoreUnavailable:
        raise
    except Exception:
        # One row must not hold up those of other calls.
        log.exception("request_failed")
        return 500
    return 204


def read(body: EdgeEventBody) -> ev.Happening | None:  # noqa: PLR0911 - one line a kind
    """The report as our event; None for a kind or a leg this desk does not know."""
    evidence = body.evidence
    leg = Leg(body.leg) if body.leg else None
    if body.kind == "call_ended":
        return ev.CallEnded(leg)
    if body.kind == "hold_expired":
        return ev.HoldExpired()
    if body.kind == "edge_lost":
        return ev.EdgeLost("reported")
    if leg is None:
        return None
    match body.kind:
        case "leg_moved":
            where = _PLACES.get(body.where or "", Place.UNKNOWN)
            return ev.LegMoved(
                leg,
                where,
                fenced=evidence.fenced is True,
                proved=_proved(body, where),
                edge=body.edge,
                node=body.node,
                hold=body.hold,
            )
        case "leg_refused":
            return ev.LegRefused(leg, evidence.status or 0, body.edge)
        case "leg_undone":
            return ev.LegUndone(leg, body.edge)
        case "media_silent":
            return ev.MediaSilent(leg, body.edge, body.node)
    return None


def _proved(body: EdgeEventBody, where: Place) -> bool:
    """2xx, ACK, and at least one packet. The edge has looked harder (each direction); this is the desk's own check of its word."""
    evidence = body.evidence
    answered = evidence.status is not None and 200 <= evidence.status < 300 and evidence.acked is True
    flowed = any(count > 0 for count in evidence.packets.values())
    return answered and (flowed or where is Place.HOME)
