"""What the edge does by itself: holds that end, requests that arrive late, a node that dies, time."""

from __future__ import annotations

from collections.abc import Iterator

from callseal.explorer import router
from callseal.explorer.desk import Desk
from callseal.explorer.desk_moves import urgent
from callseal.explorer.partner import asked, report
from callseal.explorer.router import Rules
from callseal.explorer.world import Move, World
from callseal.payments import events as ev
from callseal.payments.names import Do

Step = tuple[Move, World]
LIFETIME = 2
"""A hold lives two ticks: twice the desk's longest timer among those that guard it."""


def moves(world: World, desk: Desk, rules: Rules) -> Iterator[Step]:
    yield from expiry(world, rules)
    if world.customer.at != "nowhere":
        dead = router.node_dead(world)
        yield Move("edge", "edge", "the node dies", fault=True), report(dead, ev.NodeLost("1"))
    if not urgent(world, desk) and world.expiring is None:
        age = None if world.hold_age is None else min(world.hold_age + 1, LIFETIME)
        ticked = world._replace(alarm=world.desk_up, hold_age=age)
        if ticked != world:
            yield Move("clock", "clock", "5 s pass"), ticked


def expiry(world: World, rules: Rules) -> Iterator[Step]:
    """A hold whose time is out, step by step. Who asks for a hold meanwhile waits until it is over (`ReferenceLocks`)."""
    if world.passed:
        after, over = router.look_again(world, rules)
        text = "looks again: the hold is over" if over else "looks again: stops it again"
        yield Move("edge", "edge", text), report(after, ev.HoldExpired()) if over else after
        return
    if world.expiring is not None:
        after, passed = router.expire(world, rules)
        text = "the hold ends: passes" if passed else "the hold's time is out: keeps it"
        yield Move("edge", "edge", text), after
        return
    if world.hold_age == LIFETIME:
        yield Move("edge", "edge", "a hold's time is out: looks"), world._replace(expiring=router.look(world))


def late(world: World, rules: Rules) -> Iterator[Step]:
    """A request that was given up arrives, between whatever two other things it likes."""
    do = world.late
    if do is None:
        return
    rest = world._replace(late=None, outdated=False)
    yield Move("desk", "edge", f"late {do} is lost"), rest
    if do is Do.HOLD:
        if world.customer.at != "nowhere":
            late_one = router.held(rest, this_attempt=not world.outdated)
            yield Move("desk", "edge", "a late hold arrives"), late_one
    elif do is Do.UNHOLD:
        if not rules.unhold_in_order or not world.outdated:
            yield Move("desk", "edge", "a late unhold arrives"), router.unheld(rest)
    elif world.goal != "refresh":
        after = asked(rest, do)
        if after is not None:
            yield Move("desk", "partner", f"a late {do} arrives"), after
