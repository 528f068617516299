"""Laws: what holds in every payment story, however the events fall."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callseal.payments import engine
from callseal.payments import events as ev
from callseal.payments.errors import Refusal
from callseal.payments.money import Money
from callseal.payments.names import (
    PRESSES,
    By,
    Do,
    FieldFault,
    FieldName,
    Leg,
    Place,
    State,
)
from callseal.payments.session_table import COVERED

pytestmark = pytest.mark.unit

AMOUNT = Money(4250, "GBP")
CARD = (FieldName.CARD_NUMBER, FieldName.EXPIRY, FieldName.SECURITY_CODE)


LEGS = st.sampled_from(Leg)
PLACES = st.sampled_from(Place)
FIELDS = st.sampled_from(FieldName)
CHARGES = st.sampled_from([f"0123456789abcdef0123456789abcdef.charge.{n}" for n in (1, 2)])
BY = st.sampled_from(By)
HAPPENINGS = st.one_of(
    st.just(ev.SecurePressed()),
    st.just(ev.CapturePressed(CARD)),
    st.builds(ev.ResetPressed, st.none() | FIELDS),
    st.builds(ev.ChargePressed, st.sampled_from([AMOUNT, Money(1, "EUR")])),
    st.just(ev.CancelPressed()),
    st.just(ev.ReleasePressed()),
    st.builds(ev.LegMoved, LEGS, PLACES, st.booleans(), st.booleans()),
    st.builds(ev.LegRefused, LEGS, st.sampled_from([408, 488, 491])),
    st.builds(ev.LegUndone, LEGS),
    st.builds(ev.MediaSilent, LEGS),
    st.builds(ev.MediaSeen, PLACES, PLACES, st.booleans(), st.booleans(), st.just(2**60)),
    st.sampled_from(
        [
            ev.HoldConfirmed(),
            ev.HoldFailed(),
            ev.HoldExpired(),
            ev.EdgeLost(),
            ev.NodeLost("n1"),
            ev.RefreshFailed(),
            ev.PartnerSilent(),
            ev.Annotated(),
            ev.AnnotateFailed(),
        ]
    ),
    st.sampled_from(
        [
            ev.PartnerSecured(),
            ev.PartnerSecureFailed(),
            ev.CaptureCompleted(),
            ev.CaptureTimedOut(),
            ev.Restarted(),
        ]
    ),
    st.sampled_from(
        [ev.SecureNotSent(), ev.SecureRefused(), ev.CaptureRefused(), ev.ResetRefused(), ev.ReleaseRefused()]
    ),
    st.builds(ev.PartnerReleased, BY, st.booleans()),
    st.builds(ev.FieldStarted, FIELDS),
    st.builds(ev.DigitCounted, FIELDS, st.integers(0, 19), st.just(12), st.just(19)),
    st.builds(ev.FieldCompleted, FIELDS, st.just("••••")),
    st.builds(ev.FieldInvalid, FIELDS, st.sampled_from(FieldFault)),
    st.builds(ev.FieldReset, FIELDS, BY),
    st.builds(ev.FieldTimedOut, FIELDS),
    st.builds(ev.CaptureCancelled, BY),
    st.builds(ev.ChargeApproved, CHARGES),
    st.builds(ev.ChargeDeclined, CHARGES),
    st.builds(ev.ChargeUnknown, CHARGES),
    st.builds(ev.ChargePending, CHARGES),
    st.builds(ev.ChargeNotSeen, CHARGES),
    st.builds(ev.ChargeUnclear, CHARGES),
    st.builds(ev.ChargeRefused, CHARGES),
    st.sampled_from([ev.RecordingUnconfirmed(), ev.DeadlinePassed(), ev.VerifyDue(), ev.ChargeQueryDue()]),
    st.none(),  # the clock
)
ENDINGS = st.sampled_from([ev.CallEnded(), ev.PartnerEnded(By.CUSTOMER)])
STATES = st.sampled_from(State)


def _lawful(story: Any, before: Any, charged: dict[str, Money]) -> None:
    session, commands = story.session, story.commands
    if session.state in COVERED:
        assert session.evidence.complete or session.verifying
    if session.state is State.SECURED:
        assert session.evidence.complete
    for command in commands:
        if command.do is Do.UNHOLD:
            assert session.legs_home
            assert session.state in (State.READY, State.ENDED)
        if command.do is Do.SECURE:
            assert before.state is State.SECURING, "the partner is asked only after the hold"
        if command.do is Do.CHARGE:
            assert command.key not in charged or charged[command.key] == command.amount
            charged[command.key] = command.amount
    if session.state is State.ENDED:
        assert session.capture is None
    if before.charge_open and not session.charge_open:
        assert session.charge is not None
    assert session.version in (before.version, before.version + 1)
    assert session.commands - before.commands == len(commands)
    assert engine.next_wake(session) is not None or session.over


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=STATES, happenings=st.lists(HAPPENINGS, max_size=25), ending=st.none() | ENDINGS)
def test_laws(
    stories: Callable[[], Any],
    start: State,
    happenings: list[ev.Happening | None],
    ending: ev.Happening | None,
) -> None:
    story = stories().reach(start)
    charged = {story.charge_key: AMOUNT} if story.session.charge else {}
    for happening in [*happenings, ending]:
        before = story.session
        if happening is None:
            if engine.next_wake(before) is None:
                continue
            story.clock()
        else:
            story.later(7)
            try:
                story >> happening
            except Refusal:
                assert happening.name in PRESSES
                assert story.session is before
                continue
        _lawful(story, before, charged)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=STATES, happenings=st.lists(HAPPENINGS, max_size=15))
def test_the_clock_alone_always_comes_to_rest(
    stories: Callable[[], Any], start: State, happenings: list[ev.Happening | None]
) -> None:
    """Whatever happened, with a silent world a call ends up ready, over, or loudly at the partner; never quietly stuck."""
    story = stories().reach(start)
    for happening in happenings:
        if happening is not None:
            try:
                story >> happening
            except Refusal:
                continue
    for _ in range(40):
        if engine.next_wake(story.session) is None or story.state in (
            State.READY,
            State.MEDIA_AT_PARTNER,
            State.ENDED,
        ):
            break
        deadline = story.session.deadline_at
        story.now = max(story.now, deadline)
        story >> ev.DeadlinePassed()
    assert story.state in (State.READY, State.MEDIA_AT_PARTNER, State.ENDED)
