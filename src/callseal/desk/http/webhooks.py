"""The partner's webhooks: genuine, fresh, each once, in order. Only then are they events."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from callseal.desk.http.context import Context, Ctx
from callseal.desk.http.errors import ApiError
from callseal.payments.ports import PartnerWebhook, WebhookRejected
from callseal.payments.session import Session

router = APIRouter(prefix="/v1/webhooks", tags=["partner"])

_ADVICE = "Check the webhook secret and the clock."


@router.post("/partner", status_code=204)
async def partner_webhook(request: Request, ctx: Ctx) -> Response:
    """401 when it is not the partner's or too old; 409 asks for it again later: the call or the webhook before it is not here yet."""
    desk = ctx.desk
    body = await request.body()
    try:
        message, signers = desk.partners.read_webhook(request.headers, body, ctx.now)
    except WebhookRejected as rejected:
        desk.metrics.webhook_rejects.labels(rejected.reason).inc()
        if rejected.reason == "body":
            raise ApiError(
                400, "invalid_body", "The webhook is not as agreed.", "See the partner's contract."
            ) from None
        raise ApiError(401, f"webhook_{rejected.reason}", "This webhook is not taken.", _ADVICE) from None
    source = _source(signers)
    if desk.store.seen(source, message.id):
        desk.metrics.webhook_rejects.labels("repeated").inc()
        return Response(status_code=204)
    session = desk.store.by_partner_session(message.session)
    if session is None:
        return _unknown(ctx, message)
    if desk.partners.name(session.partner_id) not in signers:
        desk.metrics.webhook_rejects.labels("other_partner").inc()
        raise ApiError(401, "webhook_other_partner", "This session is another partner's.", _ADVICE)
    if message.seq <= session.seq and message.seq > 0:
        desk.metrics.webhook_rejects.labels("old_seq").inc()
        return Response(status_code=204)
    _in_order(request, ctx, message, session)
    desk.metrics.webhooks.labels(message.type if message.event else "other").inc()
    seen = (source, message.id)
    if message.event is None:
        desk.note(session, source="partner", name="ignored", seen=seen, seq=message.seq)
    else:
        desk.apply(session.reference, message.event, source="partner", seen=seen, seq=message.seq)
    return Response(status_code=204)


def _source(signers: frozenset[str]) -> str:
    """Message ids are each partner's own: one cannot use up another's."""
    return "partner" if "" in signers else f"partner:{min(signers)}"


def _unknown(ctx: Context, message: PartnerWebhook) -> Response:
    if message.at < ctx.now - ctx.settings.forget_unknown_ms:
        ctx.desk.metrics.webhook_rejects.labels("forgotten").inc()
        return Response(status_code=204)
    ctx.desk.metrics.webhook_rejects.labels("unknown_session").inc()
    raise ApiError(409, "unknown_session", "This session was not handed off yet.", "Send it again later.")


def _in_order(request: Request, ctx: Context, message: PartnerWebhook, session: Session) -> None:
    """A webhook whose predecessor is missing waits for it, but not for ever: its sender may have given that one up."""
    waiting: dict[tuple[str, int], int] = request.app.state.waiting_webhooks
    place = (message.session, message.seq)
    if message.seq <= session.seq + 1:
        waiting.pop(place, None)
        return
    since = waiting.setdefault(place, ctx.now)
    if ctx.now - since < ctx.settings.gap_patience_ms:
        ctx.desk.metrics.webhook_rejects.labels("out_of_order").inc()
        raise ApiError(
            409,
            "out_of_order",
            "The webhook before this one is missing.",
            "Send it first, then this one again.",
        )
    waiting.pop(place, None)
    ctx.desk.metrics.webhook_rejects.labels("gap_accepted").inc()
