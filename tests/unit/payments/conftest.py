"""The playbook: a payment story as a ladder. `>>` is what the session hears; `.said` is what it asked for since then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from callseal.payments import commands as cmd
from callseal.payments import engine
from callseal.payments import events as ev
from callseal.payments.limits import Limits
from callseal.payments.money import Money
from callseal.payments.names import Do, FieldName, Leg, Place, State
from tests.support.fresh_session import FRESH

START = 1_790_000_000_000
REFERENCE = "0123456789abcdef0123456789abcdef"
AMOUNT = Money(4250, "GBP")
CARD = (FieldName.CARD_NUMBER, FieldName.EXPIRY, FieldName.SECURITY_CODE)


class Story:
    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.now = START
        fresh = replace(FRESH, reference=REFERENCE, started_at=START)
        self.session, self.commands = engine.begin(fresh, self.now, self.limits)

    def __rshift__(self, event: ev.Happening) -> Story:
        self.session, self.commands = engine.handle(self.session, event, self.now, self.limits)
        return self

    def later(self, ms: int) -> Story:
        self.now += ms
        return self

    def clock(self) -> Story:
        """Let time pass until the next thing the clock has to say, and say it."""
        at = engine.next_wake(self.session)
        assert at is not None
        self.now = max(self.now, at)
        happening = engine.due(self.session, self.now)
        assert happening is not None
        return self >> happening

    @property
    def state(self) -> State:
        return self.session.state

    @property
    def said(self) -> list[Do]:
        return [command.do for command in self.commands if command.do is not Do.NOTIFY]

    def command(self, do: Do) -> cmd.Command:
        return next(command for command in self.commands if command.do is do)

    # --- the usual ways to a state

    def ready(self) -> Story:
        return self >> ev.Annotated()

    def securing(self) -> Story:
        return self.ready() >> ev.SecurePressed("alice") >> ev.HoldConfirmed()

    def secured(self) -> Story:
        self.securing() >> ev.PartnerSecured()
        self >> ev.LegMoved(Leg.AGENT, Place.PARTNER, fenced=True)
        return self >> ev.LegMoved(Leg.CUSTOMER, Place.PARTNER)

    def capturing(self) -> Story:
        return self.secured() >> ev.CapturePressed(CARD)

    def captured(self) -> Story:
        return self.capturing() >> ev.CaptureCompleted()

    def authorising(self) -> Story:
        return self.captured() >> ev.ChargePressed(AMOUNT)

    def approved(self) -> Story:
        self.authorising()
        return self >> ev.ChargeApproved(self.charge_key, "A1B2C3")

    def outcome_unknown(self) -> Story:
        self.authorising()
        return self >> ev.ChargeUnknown(self.charge_key)

    def restoring(self) -> Story:
        return self.secured() >> ev.CancelPressed()

    def media_at_partner(self) -> Story:
        return self.restoring().clock()

    def offered(self) -> Story:
        return self

    def ended(self) -> Story:
        return self.ready() >> ev.CallEnded()

    def home(self) -> Story:
        self >> ev.LegMoved(Leg.CUSTOMER, Place.HOME) >> ev.LegMoved(Leg.AGENT, Place.HOME)
        return self

    @property
    def charge_key(self) -> str:
        assert self.session.charge is not None
        return self.session.charge.key

    def reach(self, state: State) -> Story:
        getattr(self, state.value)()
        assert self.state is state, (self.state, state)
        return self


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def stories() -> Callable[[], Story]:
    return Story
