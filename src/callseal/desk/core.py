"""The desk itself: every event about a call comes through `apply`, one at a time, and is on disk before anybody hears of it.

No handler waits for the world here. `apply` folds the event in, writes session, history, commands and the browsers' update in one
transaction, and only then wakes those who carry out the commands. It never awaits, so two events cannot overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

import structlog

from callseal.desk.command_rules import keep_after_restart
from callseal.desk.dispatcher import Dispatcher
from callseal.desk.hub import Hub
from callseal.desk.metrics import Metrics
from callseal.desk.partners import Partners
from callseal.desk.scheduler import Scheduler
from callseal.desk.view import card
from callseal.payments import engine
from callseal.payments import events as ev
from callseal.payments.commands import PartnerCharge
from callseal.payments.limits import Limits
from callseal.payments.names import SWITCHED, Do, Event, PaymentsOff, State
from callseal.payments.ports import (
    Answer,
    Change,
    EdgePort,
    LogEntry,
    PaymentsSwitch,
    Pending,
    PlatformPort,
    StorePort,
)
from callseal.payments.session import LostFork, Session

log = structlog.get_logger("callseal.desk")

_NOT_LOGGED = ("masked", "last4")
_ROUTINE = (Event.MEDIA_SEEN, Event.VERIFY_DUE, Event.CHARGE_PENDING, Event.CHARGE_QUERY_DUE)


class Desk:
    """`now_ms()` is the only clock (unix ms)."""

    def __init__(
        self,
        *,
        store: StorePort,
        partners: Partners,
        edges: EdgePort,
        platform: PlatformPort,
        limits: Limits,
        now_ms: Callable[[], int],
        metrics: Metrics | None = None,
    ) -> None:
        self.store = store
        self.partners = partners
        self.limits = limits
        self.now_ms = now_ms
        self.metrics = metrics or Metrics()
        self.hub = Hub()
        self._untold: list[tuple[Change, Sequence[Pending]]] | None = None
        self.scheduler = Scheduler(self._tell_time, store.prune, now_ms)
        self.dispatcher = Dispatcher(self, edges=edges, partners=partners, platform=platform)

    # --- life

    def start(self) -> None:
        """Take up every open call where it was left. Needs a running event loop."""
        self.metrics.payments(self.store.payments_switch())
        self._settle_pending(self.store.pending())
        for session in self.store.open_sessions():
            if session.state is not State.ENDED:
                self.apply(session.reference, ev.Restarted(), source="desk")
        for session in self.store.open_sessions():
            self.scheduler.arm(session.reference, engine.next_wake(session))

    def _settle_pending(self, left: list[Pending]) -> None:
        """A charge is never sent by a later life of the desk: it is asked about, or, never sent, given up."""
        for pending in left:
            command = pending.command
            if isinstance(command, PartnerCharge) and self.store.load(command.reference):
                sent = pending.attempted_at is not None
                event = (
                    ev.ChargeUnclear(command.key, "desk_restarted")
                    if sent
                    else ev.ChargeRefused(command.key, "not_sent")
                )
                self.apply(command.reference, event, source="desk", done=pending.id)
            elif keep_after_restart(command):
                self.dispatcher.submit([pending])
            else:
                self.store.drop_pending(pending.id)

    # --- payments for every call

    def switch_payments(self, reason: PaymentsOff | None, by: str) -> PaymentsSwitch | None:
        """Switch payments off for every call (`reason` one of `SWITCHED`), or on again (None); returns how it stands now. What is
        secured goes on: only Secure is refused. Calls that take no payment for a reason of their own keep it. Raises
        `StoreUnavailable`: nothing has changed."""
        now, before = self.now_ms(), self.store.payments_switch()
        if before is not None and reason in (before.reason, PaymentsOff.SWITCHED_OFF):
            return before  # off since the first time; what the canary found is not written over
        off = None if reason is None else PaymentsSwitch(reason, now, by)
        with self.together():
            self.store.switch_payments(off)
            for session in self.store.open_sessions():
                own = session.payments_off is not None and session.payments_off not in SWITCHED
                if not own and session.payments_off is not reason and session.state is not State.ENDED:
                    self._show_payments(session, reason, now)
        self.metrics.payments(off)
        log.warning("payments_switched", allowed=off is None, reason=reason, by=by)
        return off

    def _show_payments(self, session: Session, reason: PaymentsOff | None, now: int) -> None:
        after = replace(session, payments_off=reason, version=session.version + 1)
        entry = LogEntry(
            "operations", "payments_switched", session.state, session.state, {"payments_off": reason}
        )
        self._write(Change(after, now, entry, card=card(after)))

    # --- events

    def hand_off(self, session: Session, token: str | None, now: int) -> Session:
        """A new call. The caller has made sure that its reference is not known yet."""
        begun, commands = engine.begin(session, now, self.limits)
        entry = LogEntry(
            "edge",
            "handed_off",
            "",
            begun.state,
            {"edge": session.edge, "payments_off": session.payments_off},
        )
        self._write(Change(begun, now, entry, commands, card=card(begun), token=token))
        log.info("call_offered", reference=begun.reference, payments_off=begun.payments_off)
        return begun

    def apply(
        self,
        reference: str,
        event: ev.Happening,
        *,
        source: str,
        seen: tuple[str, str] | None = None,
        seq: int | None = None,
        done: int | None = None,
        answer: Callable[[Session], Answer] | None = None,
    ) -> Session:
        """The session after the event. Raises `Refusal` for a press that is not possible, `KeyError` for an unknown call."""
        before = self.store.load(reference)
        if before is None:
            raise KeyError(reference)
        now = self.now_ms()
        after, commands = engine.handle(before, event, now, self.limits)
        if after == before and not commands and event.name in _ROUTINE and seen is None and answer is None:
            if done is not None:
                self.store.drop_pending(done)
            self.scheduler.arm(reference, engine.next_wake(after))
            return after
        if seq is not None:
            after = replace(after, seq=seq)
        wanted = [command.do for command in commands]
        self._write(
            Change(
                after,
                now,
                LogEntry(source, str(event.name), before.state, after.state, _body(event)),
                commands,
                card=card(after) if Do.NOTIFY in wanted else None,
                seen=seen,
                done=done,
                answer=answer(after) if answer else None,
                forget_token=Do.FORGET_TOKEN in wanted,
            )
        )
        self._tell_people(before, after, event, now)
        return after

    def note(self, session: Session, *, source: str, name: str, seen: tuple[str, str], seq: int) -> None:
        """Remember a message that means nothing to the session, so that the next one is in order."""
        now = self.now_ms()
        entry = LogEntry(source, name, session.state, session.state, {})
        self._write(Change(replace(session, seq=seq), now, entry, seen=seen))

    def fork_lost(self, session: Session, fork: LostFork, *, source: str, seen: tuple[str, str]) -> None:
        """Remember with the call that this device never had it. Nothing happens to the call."""
        entry = LogEntry(source, "fork_lost", session.state, session.state, {"leg": fork.leg})
        self._write(Change(session.with_lost(fork), self.now_ms(), entry, seen=seen))

    def _write(self, change: Change) -> None:
        pending = self.store.commit(change)
        if self._untold is None:
            self._tell(change, pending)
        else:
            self._untold.append((change, pending))

    def _tell(self, change: Change, pending: Sequence[Pending]) -> None:
        session = change.session
        if change.card is not None:
            self.hub.wake()  # first: an agent looks at it, and many commands take their time
        self.scheduler.arm(session.reference, engine.next_wake(session))
        self.dispatcher.supersede(session.reference, change.commands)
        self.dispatcher.submit(pending)

    @contextmanager
    def together(self) -> Iterator[None]:
        """What happens in the block is on disk with one flush, and then told. Nothing in it may await. Raises
        `StoreUnavailable`: none of it has happened."""
        untold: list[tuple[Change, Sequence[Pending]]] = []
        self._untold = untold
        try:
            with self.store.together():
                yield
        finally:
            self._untold = None
        for change, pending in untold:
            self._tell(change, pending)

    def _tell_time(self, reference: str, now: int) -> None:
        session = self.store.load(reference)
        happening = engine.due(session, now) if session else None
        if session is None:
            return
        if happening is None:
            self.scheduler.arm(reference, engine.next_wake(session))
            return
        self.apply(reference, happening, source="clock")

    def _tell_people(self, before: Session, after: Session, event: ev.Happening, now: int) -> None:
        self.metrics.moved(before, after, now)
        if before.state is not after.state:
            log.info(
                "state",
                reference=after.reference,
                before=str(before.state),
                after=str(after.state),
                on=str(event.name),
                notice=after.notice,
            )
        if after.state is State.MEDIA_AT_PARTNER and before.state is not State.MEDIA_AT_PARTNER:
            log.error(
                "media_at_partner",
                reference=after.reference,
                customer=str(after.customer.place),
                agent=str(after.agent.place),
            )
        if after.notice == "charge_abandoned" and before.notice != "charge_abandoned":
            log.error("charge_abandoned", reference=after.reference, charge=after.charge and after.charge.key)


def _body(event: ev.Happening) -> dict[str, Any]:
    """The event for the history, without what could add up to card data."""
    return {name: value for name, value in asdict(event).items() if name not in _NOT_LOGGED}  # type: ignore[call-overload]
