"""CALL: a session as browsers and integrators see it (docs/reference/interfaces.md, section 6). By allow-list: what is not here stays inside."""

from __future__ import annotations

from typing import Any

from callseal.payments import engine
from callseal.payments.names import Event
from callseal.payments.notices import NOTICES
from callseal.payments.session import FieldProgress, Session
from callseal.payments.session_table import DEADLINES


def card(session: Session) -> dict[str, Any]:
    """The call as JSON. Times are unix milliseconds."""
    evidence = session.evidence
    return {
        "reference": session.reference,
        "version": session.version,
        "direction": session.direction,
        "caller": session.caller,
        "called": session.called,
        "tenant": session.tenant,
        "started_at": session.started_at,
        "state": session.state,
        **_deadline(session),
        "payments": {"allowed": session.payments_off is None, "reason": session.payments_off},
        "notice": _notice(session),
        "allowed": [_verb(press) for press in engine.allowed(session)],
        "fields": [_field(row) for row in session.capture.fields] if session.capture else [],
        "amount": _amount(session),
        "result": _result(session),
        "evidence": {
            "partner": evidence.partner,
            "customer_leg": evidence.customer_leg,
            "agent_leg": evidence.agent_leg,
            "fence": evidence.fence,
        },
    }


def _verb(press: Event) -> str:
    return press.removesuffix("_pressed")


def _deadline(session: Session) -> dict[str, Any]:
    deadline = DEADLINES.get(session.state)
    if deadline is None or not deadline.reason or session.deadline_at is None:
        return {"deadline_at": None, "deadline_reason": None}
    return {"deadline_at": session.deadline_at, "deadline_reason": deadline.reason}


def _notice(session: Session) -> dict[str, str] | None:
    notice = NOTICES.get(session.notice or "")
    if notice is None or session.notice is None:
        return None
    return {"kind": notice.kind, "code": session.notice, "text": notice.text, "advice": notice.advice}


def _field(row: FieldProgress) -> dict[str, Any]:
    return {
        "name": row.name,
        "state": row.state,
        "count": row.count,
        "min": row.shortest,
        "max": row.longest,
        "brand": row.brand,
        "masked": row.masked,
        "reason": row.reason,
    }


def _amount(session: Session) -> dict[str, Any] | None:
    if session.charge is None:
        return None
    return {"minor": session.charge.amount.minor, "currency": session.charge.amount.currency}


def _result(session: Session) -> dict[str, Any] | None:
    result = session.result
    if result is None:
        return None
    return {
        "outcome": result.outcome,
        "authorisation_code": result.authorisation_code,
        "brand": result.brand,
        "last4": result.last4,
        "reason": result.reason,
    }
