"""From what a step wants (`Do`) to a full command with its idempotency key."""

from __future__ import annotations

from dataclasses import replace

from callseal.payments import commands as cmd
from callseal.payments import events as ev
from callseal.payments.limits import Limits
from callseal.payments.names import Do, Outcome, PartnerMode, State
from callseal.payments.session import Session

TEXTS = {
    State.OFFERED: "Payment card available",
    State.READY: "Payment card available",
    State.SECURED: "Payment declined",
    State.APPROVED: "Payment approved",
    State.OUTCOME_UNKNOWN: "Payment outcome not known yet",
    State.MEDIA_AT_PARTNER: "Call media still at the payment partner",
    State.ENDED: "Call ended",
}
_RESULT_TEXTS = {
    Outcome.APPROVED: "Payment approved",
    Outcome.DECLINED: "Payment declined",
    Outcome.UNKNOWN: "Payment outcome not known yet",
}


def issue(
    session: Session, wanted: tuple[Do, ...], event: ev.Happening | None, now: int, limits: Limits
) -> tuple[Session, list[cmd.Command]]:
    issued: list[cmd.Command] = []
    for do in wanted:
        session = replace(session, commands=session.commands + 1)
        command = _command(do, session, event, now, limits)
        issued.append(command)
        if do is Do.HOLD and isinstance(event, ev.SecurePressed):
            session = replace(session, hold=session.commands, hold_edge=session.edge)
        if do is Do.SECURE:
            session = replace(
                session, partner=PartnerMode.ASKED if session.partner is PartnerMode.IDLE else session.partner
            )
        elif do is Do.RELEASE:
            session = replace(session, partner=PartnerMode.RELEASING)
    return session, issued


def _command(do: Do, session: Session, event: ev.Happening | None, now: int, limits: Limits) -> cmd.Command:  # noqa: PLR0911, PLR0912 - one literal per command reads best
    reference = session.reference
    key = f"{reference}.{session.commands}"
    match do:
        case Do.HOLD:
            return cmd.Hold(
                reference=reference,
                key=key,
                edge=session.edge,
                node=session.customer.node or session.node,
                call_id=session.customer_call_id,
                ttl_ms=limits.hold,
            )
        case Do.UNHOLD:
            return cmd.Unhold(
                reference=reference,
                key=key,
                edge=session.edge,
                node=session.customer.node or session.node,
                call_id=session.customer_call_id,
            )
        case Do.QUERY_MEDIA:
            return cmd.QueryMedia(
                reference=reference,
                key=key,
                edge=session.edge,
                node=session.customer.node or session.node,
                customer_call_id=session.customer_call_id,
                agent_call_id=session.agent_call_id,
            )
        case Do.SECURE:
            return cmd.PartnerSecure(reference=reference, key=key, give_up_at=session.deadline_at or now)
        case Do.CAPTURE:
            capture = session.capture
            fields = tuple(row.name for row in capture.fields) if capture else ()
            stored = capture.stored_card if capture else None
            return cmd.PartnerCapture(reference=reference, key=key, fields=fields, stored_card=stored)
        case Do.RESET:
            field = event.field if isinstance(event, ev.ResetPressed) else None
            return cmd.PartnerReset(reference=reference, key=key, field=field)
        case Do.CANCEL_CAPTURE:
            return cmd.PartnerCancelCapture(reference=reference, key=key)
        case Do.CHARGE:
            assert session.charge is not None  # noqa: S101 - ChargePressed was folded just before
            return cmd.PartnerCharge(
                reference=reference, key=session.charge.key, amount=session.charge.amount
            )
        case Do.QUERY_CHARGE:
            charge = session.charge.key if session.charge else ""
            return cmd.QueryCharge(reference=reference, key=key, charge=charge)
        case Do.RELEASE:
            return cmd.PartnerRelease(reference=reference, key=key)
        case Do.REFRESH:
            return cmd.PartnerRefresh(reference=reference, key=key)
        case Do.ANNOTATE:
            result = session.result.outcome if session.result else None
            text = _RESULT_TEXTS[result] if result else TEXTS.get(session.state, str(session.state))
            return cmd.Annotate(reference=reference, key=key, state=session.state, text=text)
        case Do.PAUSE_RECORDING:
            return cmd.PauseRecording(reference=reference, key=key)
        case Do.RESUME_RECORDING:
            return cmd.ResumeRecording(reference=reference, key=key)
        case Do.FORGET_TOKEN:
            return cmd.ForgetToken(reference=reference, key=key)
        case Do.NOTIFY:
            return cmd.Notify(reference=reference, key=key)
