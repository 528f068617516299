"""What happens at the desk when somebody or the clock wants it: presses, timers, card and money, its death."""

from __future__ import annotations

from collections.abc import Iterator

from callseal.explorer.desk import Desk
from callseal.explorer.desk_moves import Step, hear
from callseal.explorer.router import Rules
from callseal.explorer.world import Move, World
from callseal.payments import events as ev
from callseal.payments.money import Money
from callseal.payments.names import By, ChargeState, Do, State

_AMOUNT = Money(1, "GBP")
PRESSES: tuple[ev.Happening, ...] = (
    ev.SecurePressed(),
    ev.CapturePressed(()),
    ev.ResetPressed(),
    ev.ChargePressed(_AMOUNT),
    ev.CancelPressed(),
    ev.ReleasePressed(),
)
SHORT = (PRESSES[0], PRESSES[1], PRESSES[4], PRESSES[5])
_CAPTURE_FACTS: tuple[ev.Happening, ...] = (
    ev.CaptureCompleted(),
    ev.CaptureTimedOut(),
    ev.CaptureCancelled(By.CUSTOMER),
    ev.CaptureRefused(),
)


def wishes(world: World, desk: Desk, rules: Rules) -> Iterator[Step]:
    """What happens when somebody or the clock wants it."""
    if not world.desk_up:
        back = hear(world._replace(desk_up=True, alarm=False), desk, ev.Restarted())
        if back is not None:
            yield Move("desk", "desk", "starts again"), back
        return
    yield from _presses(world, desk, rules)
    yield from _clock(world, desk)
    yield from _money_and_card(world, desk, rules)
    yield Move("desk", "desk", "dies", fault=True), _dead(world)


def _dead(world: World) -> World:
    return world._replace(
        desk_up=False,
        alarm=False,
        edge_lane=tuple(do for do in world.edge_lane if do is Do.UNHOLD),
        partner_lane=(),
        asked=False,
        seen=None,
        stale=False,
    )


def _presses(world: World, desk: Desk, rules: Rules) -> Iterator[Step]:
    for press in PRESSES if rules.money else SHORT:
        after = hear(world.pressed() if isinstance(press, ev.SecurePressed) else world, desk, press)
        if after is not None:
            yield Move("agent", "desk", str(press.name).removesuffix("_pressed")), after


def _clock(world: World, desk: Desk) -> Iterator[Step]:
    session = desk.sessions[world.desk]
    if session.deadline_at is not None and session.state is not State.READY:
        after = hear(world, desk, ev.DeadlinePassed())
        if after is not None:
            yield Move("desk", "desk", f"deadline of {session.state}"), after
    if session.verify_at is not None and not world.asked and world.seen is None:
        after = hear(world, desk, ev.VerifyDue())
        if after is not None:
            yield Move("desk", "desk", "looks again"), after


def _money_and_card(world: World, desk: Desk, rules: Rules) -> Iterator[Step]:
    session = desk.sessions[world.desk]
    facts: tuple[ev.Happening, ...] = ()
    if session.state in (State.CAPTURING, State.CAPTURED):
        facts = _CAPTURE_FACTS if session.state is State.CAPTURING else _CAPTURE_FACTS[1:3]
        facts = facts if rules.money else ()
    charge = session.charge
    if charge is not None and charge.state is ChargeState.PENDING:
        key = charge.key
        facts += (
            ev.ChargeApproved(key),
            ev.ChargeDeclined(key),
            ev.ChargeUnknown(key),
            ev.ChargeNotSeen(key),
        )
        facts += (ev.ChargeRefused(key),)
    for fact in facts:
        after = hear(world, desk, fact)
        if after is not None and after != world:
            yield Move("partner", "desk", str(fact.name)), after
