"""The engine: `handle(session, event, now) -> (session, commands)`. Pure: no clock, no socket, no randomness.

It folds the fact into the session, looks up the step in the table, and goes on with the conclusions that follow until none does.
"""

from __future__ import annotations

from dataclasses import replace

from callseal.payments import commands as cmd
from callseal.payments import events as ev
from callseal.payments.errors import (
    AmountLocked,
    CallOver,
    ChargeStillOpen,
    FieldNotAsked,
    PaymentsAreOff,
    WrongState,
)
from callseal.payments.fold import fold
from callseal.payments.issue import issue
from callseal.payments.limits import Limits
from callseal.payments.names import PRESSES, ChargeState, Do, Event, Outcome, PartnerMode, Place, State
from callseal.payments.notices import PAYMENTS_OFF
from callseal.payments.session import Result, Session
from callseal.payments.session_table import (
    AT_REST,
    COVERED,
    DEADLINES,
    HOMEWARD,
    Step,
    lookup,
    possible_presses,
)

DEFAULT = Limits()
_NO_CARD = (State.READY, State.SECURED, State.RESTORING, State.MEDIA_AT_PARTNER, State.ENDED)
_MOST_CONCLUSIONS = 4  # the longest chain the table has is two; a loop in it must not become a loop here


def begin(session: Session, now: int, limits: Limits = DEFAULT) -> tuple[Session, list[cmd.Command]]:
    """A call has been handed off: arm its first deadline and tell the platform."""
    session = _arm(replace(session, entered_at=now), now, limits)
    session, commands = issue(session, (Do.ANNOTATE, Do.NOTIFY), None, now, limits)
    return session, commands


def handle(
    session: Session, event: ev.Happening, now: int, limits: Limits = DEFAULT
) -> tuple[Session, list[cmd.Command]]:
    """What the session becomes and what must be done. `now` unix ms.

    Raises `Refusal` (named, with status and advice) for a press that is not possible; nothing has changed then. Never raises for a fact.
    """
    name = _row_name(session, event, now)
    if name is None:
        return session, []
    if name in PRESSES:
        _refuse(session, event, name)
    step = lookup(session.state, name)
    if step is None:  # a fact without a row: a hole in the table, which the tests exclude
        raise LookupError(f"no row for {name} in {session.state}")
    before = session
    if name in PRESSES:
        session = replace(session, notice=None)
    if name is not Event.CHARGE_FOREIGN:
        session = fold(session, event, now, limits)
    session, commands = _take(session, step, event, now, limits)
    for _ in range(_MOST_CONCLUSIONS):
        conclusion = _conclude(session, event)
        found = lookup(session.state, conclusion) if conclusion else None
        if found is None:
            break
        session, more = _take(session, found, event, now, limits)
        commands += more
        if conclusion is Event.MEDIA_BACK:
            session = replace(session, lost_at=None, verify_at=None)
    if _seen_by_agents(session) != _seen_by_agents(before):
        session = replace(session, version=before.version + 1)
        session, more = issue(session, (Do.NOTIFY,), event, now, limits)
        commands += more
    return session, commands


def allowed(session: Session) -> tuple[Event, ...]:
    """The presses that would be taken now: what the card shows as buttons."""
    presses = possible_presses(session.state)
    if session.payments_off is not None or session.charge_open:
        presses = tuple(press for press in presses if press is not Event.SECURE_PRESSED)
    return presses


def next_wake(session: Session) -> int | None:
    """Unix ms of the next thing the clock has to tell this session, or None."""
    charge = session.charge.next_query_at if session.charge else None
    return min(
        (at for at in (session.deadline_at, session.verify_at, charge) if at is not None), default=None
    )


def due(session: Session, now: int) -> ev.Happening | None:
    """What the clock has to say at `now`, most important first."""
    if session.deadline_at is not None and session.deadline_at <= now:
        return ev.DeadlinePassed()
    if session.charge and session.charge.next_query_at is not None and session.charge.next_query_at <= now:
        return ev.ChargeQueryDue()
    if session.verify_at is not None and session.verify_at <= now:
        return ev.VerifyDue()
    return None


# --- which row --------------------------------------------------------------------------------------------------------


def _row_name(session: Session, event: ev.Happening, now: int) -> Event | None:  # noqa: PLR0911 - one line a case
    """The event's row. None: a clock event that came too early, or about a charge that no longer waits."""
    if isinstance(event, ev.DeadlinePassed):
        if session.deadline_at is None or session.deadline_at > now:
            return None
        return _deadline(session)
    if isinstance(event, ev.ChargeQueryDue) and not session.charge_open:
        return None
    if session.state is State.SECURING:
        # Stepping back quietly is for when nothing has happened yet; else the way home is the long one.
        if isinstance(event, ev.HoldFailed) and not (
            session.legs_home and session.partner is PartnerMode.IDLE
        ):
            return Event.HOLD_EXPIRED
        if isinstance(event, ev.SecureNotSent) and not (
            session.legs_home and session.partner is PartnerMode.ASKED
        ):
            return Event.SECURE_REFUSED
    if isinstance(event, ev.CHARGE_FACTS) and (session.charge is None or session.charge.key != event.charge):
        return Event.CHARGE_FOREIGN
    return event.name


def _deadline(session: Session) -> Event:
    """Releasing again helps while the partner has something to release. When it says that it has not, and a leg is elsewhere all the same,
    the answer to a re-INVITE was lost on its way: only another re-INVITE of both legs brings that leg home."""
    if session.state not in HOMEWARD:
        return Event.DEADLINE
    if session.state is State.RESTORING and session.legs_home:
        return Event.DEADLINE_LEGS_HOME
    lost = session.state is State.MEDIA_AT_PARTNER and session.lost_at is not None
    return Event.DEADLINE_MEDIA_LOST if lost or session.partner is PartnerMode.IDLE else Event.DEADLINE


def _refuse(session: Session, event: ev.Happening, name: Event) -> None:
    if session.state is State.ENDED:
        raise CallOver("This call has ended.")
    if name is Event.SECURE_PRESSED and session.payments_off is not None:
        raise PaymentsAreOff(f"Payments are off for this call. {PAYMENTS_OFF[session.payments_off]}")
    if lookup(session.state, name) is None:
        raise WrongState(
            f"{name.removesuffix('_pressed').capitalize()} is not possible while the call is {session.state}."
        )
    if name is Event.SECURE_PRESSED and session.charge_open:
        raise ChargeStillOpen("The outcome of the last charge is not known yet.")
    _refuse_details(session, event)


def _refuse_details(session: Session, event: ev.Happening) -> None:
    if isinstance(event, ev.ResetPressed) and event.field is not None:
        rows = session.capture.fields if session.capture else ()
        if event.field not in [row.name for row in rows]:
            raise FieldNotAsked(f"{event.field} was not asked for.")
    charge = session.charge
    if (
        isinstance(event, ev.ChargePressed)
        and charge
        and charge.state is ChargeState.NOT_SEEN
        and event.amount != charge.amount
    ):
        raise AmountLocked(f"A charge of {charge.amount} was tried before and must be tried again first.")


def _conclude(session: Session, event: ev.Happening) -> Event | None:  # noqa: PLR0911 - one line a conclusion
    state = session.state
    if state is State.SECURING and session.evidence.complete:
        if session.capture is None:
            return Event.EVIDENCE_COMPLETE
        return Event.EVIDENCE_COMPLETE_CAPTURED if session.capture.done else Event.EVIDENCE_COMPLETE_CAPTURING
    if state in COVERED and not session.evidence.complete and not session.verifying:
        return Event.EVIDENCE_LOST
    if state is State.RESTORING and session.legs_home and session.partner is PartnerMode.IDLE:
        return Event.LEGS_HOME
    if state is State.MEDIA_AT_PARTNER and session.legs_home:
        return Event.LEGS_HOME
    if state in AT_REST:
        lost = session.lost_at is not None
        if lost and session.legs_home:
            return Event.MEDIA_BACK
        if isinstance(event, ev.MediaSeen) and not event.anchored and session.customer_call_id and not lost:
            return Event.CALL_VANISHED
        if Place.PARTNER in (session.customer.place, session.agent.place):
            return Event.LEG_STRAYED
    return None


# --- taking a step ----------------------------------------------------------------------------------------------------


def _take(
    session: Session, step: Step, event: ev.Happening, now: int, limits: Limits
) -> tuple[Session, list[cmd.Command]]:
    if step.notice is not None:
        session = replace(session, notice=step.notice)
    moved = step.to is not None and step.to is not session.state
    if step.to is not None and moved:
        session = _enter(session, step.to, now)
    if moved or step.rearm:
        session = _arm(session, now, limits)
    watched = session.state in COVERED or (session.state in AT_REST and session.lost_at is not None)
    if watched and (moved or isinstance(event, ev.VerifyDue | ev.NodeLost)):
        session = replace(session, verify_at=now + limits.verify)
    return issue(session, step.do, event, now, limits)


def _enter(session: Session, state: State, now: int) -> Session:
    came_from = session.state
    session = replace(session, state=state, entered_at=now)
    if state in _NO_CARD:
        session = replace(session, capture=None)
    if state not in COVERED:
        session = replace(session, verify_at=None)
    if state in COVERED or state is State.READY:
        session = replace(session, lost_at=None)
    if state in COVERED and came_from is State.SECURING:
        session = replace(session, secured_at=session.secured_at or now, notice=None)
    if session.charge_open and came_from is State.AUTHORISING and session.result is None:
        session = replace(session, result=Result(Outcome.UNKNOWN))
    return session


def _arm(session: Session, now: int, limits: Limits) -> Session:
    deadline = DEADLINES.get(session.state)
    if deadline is None:
        return replace(session, deadline_at=None)
    at = now + getattr(limits, deadline.limit)
    if session.state is State.CAPTURING and session.capture:
        at = min(at, session.capture.started_at + limits.overall)
    return replace(session, deadline_at=at)


def _seen_by_agents(session: Session) -> Session:
    """The session without what no agent sees; two sessions with equal remains need no new version."""
    return replace(
        session,
        version=0,
        commands=0,
        seq=0,
        verify_at=None,
        verifying=False,
        legs_at=0,
        lost_at=None,
        edge="",
        hold=0,
        hold_edge="",
        charge=None,
        partner=_seen(session),
    )


def _seen(session: Session) -> PartnerMode:
    return session.partner if session.partner is PartnerMode.SECURED else PartnerMode.IDLE
