"""How a fact changes what a session knows. Pure data: where the session goes next is the table's business.

`fold(session, event, now, limits)` never raises and never looks at the table. A fact that does not concern the session leaves it alone.
"""

# ruff: noqa: ARG001 - one signature for every fact
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import singledispatch

from callseal.payments import events as ev
from callseal.payments.limits import Limits
from callseal.payments.names import (
    ChargeState,
    FieldName,
    FieldState,
    Leg,
    Outcome,
    PartnerMode,
    Place,
    State,
)
from callseal.payments.session import Capture, Charge, FieldProgress, LegView, Result, Session

UNPROVEN = LegView(Place.UNKNOWN, Place.UNKNOWN)


def fold(session: Session, event: ev.Happening, now: int, limits: Limits) -> Session:
    """The session after the fact. `now` unix ms."""
    return _fold(event, session, now, limits)


@singledispatch
def _fold(event: ev.Happening, session: Session, now: int, limits: Limits) -> Session:
    return session


# --- presses -----------------------------------------------------------------------------------------------------------


@_fold.register
def _(event: ev.SecurePressed, session: Session, now: int, limits: Limits) -> Session:
    """A new attempt begins with nothing: no evidence, no card, no result of the one before."""
    return replace(
        session,
        attempts=session.attempts + 1,
        pressed_at=now,
        secured_at=None,
        partner=PartnerMode.IDLE,
        capture=None,
        charge=None,
        result=None,
    )


@_fold.register
def _(event: ev.CapturePressed, session: Session, now: int, limits: Limits) -> Session:
    fields = tuple(FieldProgress(name) for name in event.fields)
    capture = Capture(fields, started_at=now, progress_at=now, stored_card=event.stored_card)
    return replace(session, capture=capture, charge=None, result=None)


@_fold.register
def _(event: ev.ResetPressed, session: Session, now: int, limits: Limits) -> Session:
    return _progress(session, now, done=False)


@_fold.register
def _(event: ev.ChargePressed, session: Session, now: int, limits: Limits) -> Session:
    """A charge that the partner never saw keeps its key, so that it cannot be taken twice after all."""
    again = session.charge is not None and session.charge.state is ChargeState.NOT_SEEN
    charges = session.charges if again else session.charges + 1
    key = session.charge.key if again and session.charge else f"{session.reference}.charge.{charges}"
    charge = Charge(key, event.amount, asked_at=now, next_query_at=now + limits.authorise)
    return replace(session, charges=charges, charge=charge, result=None)


# --- the edge ----------------------------------------------------------------------------------------------------------


def _with_leg(
    session: Session, leg: Leg, view: LegView, *, now: int, edge: str, fenced: bool | None = None
) -> Session:
    changed = replace(session, legs_at=now, edge=edge or session.edge)
    if leg is Leg.CUSTOMER:
        return replace(changed, customer=view)
    return replace(changed, agent=view, fenced=session.fenced if fenced is None else fenced)


@_fold.register
def _(event: ev.LegMoved, session: Session, now: int, limits: Limits) -> Session:
    """A report of an earlier attempt proves nothing in this one, also not that the leg is home."""
    stale = session.of_an_earlier_attempt(event.edge, event.hold)
    place = event.where if event.proved and not stale else Place.UNKNOWN
    node = event.node or session.leg(event.leg).node
    return _with_leg(
        session, event.leg, LegView(place, place, node), now=now, edge=event.edge, fenced=event.fenced
    )


@_fold.register
def _(event: ev.LegRefused, session: Session, now: int, limits: Limits) -> Session:
    """Media moved at the offer, so a refusal leaves it nowhere certain until the edge has undone it."""
    view = session.leg(event.leg)
    return _with_leg(
        session, event.leg, LegView(Place.UNKNOWN, view.before, view.node), now=now, edge=event.edge
    )


@_fold.register
def _(event: ev.LegUndone, session: Session, now: int, limits: Limits) -> Session:
    view = session.leg(event.leg)
    return _with_leg(
        session, event.leg, LegView(view.before, view.before, view.node), now=now, edge=event.edge
    )


@_fold.register
def _(event: ev.MediaSilent, session: Session, now: int, limits: Limits) -> Session:
    node = event.node or session.leg(event.leg).node
    return _with_leg(session, event.leg, replace(UNPROVEN, node=node), now=now, edge=event.edge)


@_fold.register
def _(event: ev.MediaSeen, session: Session, now: int, limits: Limits) -> Session:
    if event.asked_at < session.legs_at:
        return session  # a leg moved after the question was asked; the next question is on its way
    return replace(
        session,
        customer=LegView(event.customer, event.customer, event.customer_node or session.customer.node),
        agent=LegView(event.agent, event.agent, event.agent_node or session.agent.node),
        fenced=event.fenced,
        verifying=False,
    )


@_fold.register
def _(event: ev.EdgeLost, session: Session, now: int, limits: Limits) -> Session:
    """Nobody can say where the legs are; at rest they stay where they were last proven to be."""
    if session.state in (State.OFFERED, State.READY, State.ENDED):
        return session
    return replace(
        session,
        customer=_forget(session.customer),
        agent=_forget(session.agent),
        fenced=False,
        verifying=False,
    )


def _forget(view: LegView) -> LegView:
    return LegView(Place.UNKNOWN, view.before, view.node)


@_fold.register
def _(event: ev.NodeLost, session: Session, now: int, limits: Limits) -> Session:
    """What the node anchored is nowhere now, at rest too; a fence goes with its anchor."""
    if session.state is State.ENDED:
        return session
    lost = replace(session, lost_at=now, verifying=False)
    if (session.customer.node or session.node) == event.node:
        lost = replace(lost, customer=_forget(session.customer))
    if (session.agent.node or session.node) == event.node:
        lost = replace(lost, agent=_forget(session.agent), fenced=False)
    return lost


# --- the partner -------------------------------------------------------------------------------------------------------


@_fold.register
def _(event: ev.PartnerSecured, session: Session, now: int, limits: Limits) -> Session:
    return replace(session, partner=PartnerMode.SECURED)


@_fold.register
def _(event: ev.PartnerSilent, session: Session, now: int, limits: Limits) -> Session:
    """That it secures the line was its own word; it does not say so any more."""
    if session.partner is PartnerMode.SECURED:
        return replace(session, partner=PartnerMode.ASKED)
    return session


@_fold.register(ev.PartnerSecureFailed)
@_fold.register(ev.PartnerReleased)
@_fold.register(ev.PartnerEnded)
@_fold.register(ev.ReleaseRefused)
@_fold.register(ev.SecureNotSent)
def _(event: ev.Happening, session: Session, now: int, limits: Limits) -> Session:
    return replace(session, partner=PartnerMode.IDLE)


def _progress(session: Session, now: int, *, done: bool | None = None) -> Session:
    if session.capture is None:
        return session
    capture = session.capture
    return replace(
        session, capture=replace(capture, progress_at=now, done=capture.done if done is None else done)
    )


def _field(
    session: Session,
    name: FieldName,
    now: int,
    change: Callable[[FieldProgress], FieldProgress],
    *,
    done: bool | None = None,
) -> Session:
    """Change one row; a field that was not asked for gets a row of its own, because the partner decides what it asks."""
    if session.capture is None:
        return session
    rows = session.capture.fields
    if all(row.name is not name for row in rows):
        rows = (*rows, FieldProgress(name))
    rows = tuple(change(row) if row.name is name else row for row in rows)
    return _progress(replace(session, capture=replace(session.capture, fields=rows)), now, done=done)


@_fold.register
def _(event: ev.FieldStarted, session: Session, now: int, limits: Limits) -> Session:
    """One field is active at a time. One that was just found invalid keeps saying why until its first new digit."""

    def start(row: FieldProgress) -> FieldProgress:
        fresh = FieldProgress(row.name, FieldState.ACTIVE, shortest=row.shortest, longest=row.longest)
        return replace(fresh, reason=row.reason) if row.state is FieldState.INVALID else fresh

    started = _field(session, event.field, now, start, done=False)
    if started.capture is None:
        return started
    rows = tuple(
        replace(row, state=FieldState.WAITING)
        if row.state is FieldState.ACTIVE and row.name is not event.field
        else row
        for row in started.capture.fields
    )
    return replace(started, capture=replace(started.capture, fields=rows))


@_fold.register
def _(event: ev.DigitCounted, session: Session, now: int, limits: Limits) -> Session:
    def count(row: FieldProgress) -> FieldProgress:
        return FieldProgress(
            row.name,
            FieldState.ACTIVE,
            event.count,
            shortest=event.shortest,
            longest=event.longest,
            brand=event.brand,
        )

    return _field(session, event.field, now, count)


@_fold.register
def _(event: ev.FieldCompleted, session: Session, now: int, limits: Limits) -> Session:
    def complete(row: FieldProgress) -> FieldProgress:
        return replace(
            row,
            state=FieldState.VALID,
            masked=event.masked,
            brand=event.brand or row.brand,
            last4=event.last4,
            reason=None,
        )

    return _field(session, event.field, now, complete)


@_fold.register
def _(event: ev.FieldInvalid, session: Session, now: int, limits: Limits) -> Session:
    def invalid(row: FieldProgress) -> FieldProgress:
        return replace(row, state=FieldState.INVALID, count=0, masked="", last4=None, reason=event.reason)

    return _field(session, event.field, now, invalid, done=False)


@_fold.register
def _(event: ev.FieldReset, session: Session, now: int, limits: Limits) -> Session:
    return _field(session, event.field, now, lambda row: FieldProgress(row.name), done=False)


@_fold.register
def _(event: ev.FieldTimedOut, session: Session, now: int, limits: Limits) -> Session:
    return _field(session, event.field, now, lambda row: FieldProgress(row.name), done=False)


@_fold.register
def _(event: ev.CaptureCompleted, session: Session, now: int, limits: Limits) -> Session:
    return _progress(session, now, done=True)


@_fold.register(ev.CaptureTimedOut)
@_fold.register(ev.CaptureCancelled)
@_fold.register(ev.CaptureRefused)
def _(event: ev.Happening, session: Session, now: int, limits: Limits) -> Session:
    return replace(session, capture=None)


# --- money -------------------------------------------------------------------------------------------------------------


def _settle(session: Session, result: Result | None) -> Session:
    """The outcome is known. A later word may add to it, but nothing un-takes money: approved stays approved."""
    charge = session.charge
    known = session.result.outcome if session.result else None
    if (
        charge is None
        or known is Outcome.APPROVED
        or (result is None and charge.state is ChargeState.SETTLED)
    ):
        return session
    return replace(
        session, charge=replace(charge, state=ChargeState.SETTLED, next_query_at=None), result=result
    )


@_fold.register
def _(event: ev.ChargeApproved, session: Session, now: int, limits: Limits) -> Session:
    result = Result(
        Outcome.APPROVED,
        event.authorisation_code,
        event.brand,
        event.last4,
        psp_reference=event.psp_reference,
    )
    return _settle(session, result)


@_fold.register
def _(event: ev.ChargeDeclined, session: Session, now: int, limits: Limits) -> Session:
    return _settle(session, Result(Outcome.DECLINED, reason=event.reason))


@_fold.register
def _(event: ev.ChargeRefused, session: Session, now: int, limits: Limits) -> Session:
    return _settle(session, None)


@_fold.register
def _(event: ev.ChargeUnknown, session: Session, now: int, limits: Limits) -> Session:
    return (
        replace(_ask_later(session, now, limits), result=Result(Outcome.UNKNOWN))
        if session.charge_open
        else session
    )


@_fold.register(ev.ChargePending)
@_fold.register(ev.ChargeUnclear)
def _(event: ev.Happening, session: Session, now: int, limits: Limits) -> Session:
    return _ask_later(session, now, limits)


@_fold.register
def _(event: ev.ChargeNotSeen, session: Session, now: int, limits: Limits) -> Session:
    charge = session.charge
    if charge is None or charge.state is not ChargeState.PENDING:
        return session
    if session.state is State.OUTCOME_UNKNOWN:
        return replace(
            session, charge=replace(charge, state=ChargeState.NOT_SEEN, next_query_at=None), result=None
        )
    if session.state is not State.AUTHORISING and now - charge.asked_at >= limits.charge_not_seen_for:
        return _settle(session, None)
    return _ask_later(session, now, limits)


@_fold.register
def _(event: ev.ChargeQueryDue, session: Session, now: int, limits: Limits) -> Session:
    charge = session.charge
    if charge is None or charge.state is not ChargeState.PENDING:
        return session
    if now - charge.asked_at >= limits.charge_query_for:
        return replace(
            session,
            charge=replace(charge, state=ChargeState.ABANDONED, next_query_at=None),
            notice="charge_abandoned",
        )
    counted = replace(charge, queries=charge.queries + 1)
    return _ask_later(replace(session, charge=counted), now, limits)


def _ask_later(session: Session, now: int, limits: Limits) -> Session:
    charge = session.charge
    if charge is None or charge.state is not ChargeState.PENDING:
        return session
    return replace(session, charge=replace(charge, next_query_at=now + limits.charge_backoff(charge.queries)))


# --- the process -------------------------------------------------------------------------------------------------------


@_fold.register
def _(event: ev.Restarted, session: Session, now: int, limits: Limits) -> Session:
    """Media may have moved while nobody listened. At rest the legs are taken to be home until the edge says otherwise."""
    if session.state in (State.OFFERED, State.READY, State.ENDED):
        return session
    return replace(
        session,
        customer=_forget(session.customer),
        agent=_forget(session.agent),
        fenced=False,
        verifying=True,
    )
