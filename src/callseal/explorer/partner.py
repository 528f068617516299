"""The partner in the model: the sandbox's real state table, and its mover's order of re-INVITEs as transitions.

`sandbox/session/mover.py` is a coroutine, so what it does step by step is written out here: both orders, 491 tried again, the first leg
home when the second refuses, the second left with the first that will not go. Capturing, captured and authorising are `secured` here:
they move no media.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from callseal.explorer import router
from callseal.explorer.desk import EDGE
from callseal.explorer.router import Rules
from callseal.explorer.world import LegName, Move, Where, World
from callseal.payments import events as ev
from callseal.payments.names import By, Do, Leg, Place
from callseal.sandbox.session.table import Event, State, WrongStateError, step

Step = tuple[Move, World]
ORDERS: tuple[tuple[LegName, LegName], ...] = (("agent", "customer"), ("customer", "agent"))
LONGEST_QUEUE = 2
_GLARE, _REFUSED = 491, 488
_WISH = {Do.SECURE: Event.SECURE, Do.RELEASE: Event.RELEASE, Do.REFRESH: Event.REFRESH}


def asked(world: World, do: Do) -> World | None:
    """A wish of the desk's. None: 409."""
    try:
        state = step(world.partner, _WISH[do])
    except WrongStateError:
        return None
    after = world._replace(partner=state)
    if do is Do.REFRESH:
        return after._replace(goal="refresh", todo=ORDERS[0])
    if do is Do.SECURE:
        return after._replace(goal="partner", todo=ORDERS[0])
    if world.partner is State.HOME:
        return _tell(after, ev.PartnerReleased(By.DESK))
    if world.partner is State.SECURING:
        return after._replace(release_wanted=True)
    return after if world.partner is State.RESTORING else _go_home(after, "desk")


def _go_home(world: World, why: Literal["desk", "partner", "failed"]) -> World:
    todo = tuple(leg for leg in ORDERS[0] if leg in world.bridged)
    after = world._replace(goal="home", why=why, todo=todo, release_wanted=False)
    return after if todo else _finished(after)


def _tell(world: World, *hooks: ev.Happening) -> World:
    return world._replace(hooks=(world.hooks + hooks)[:LONGEST_QUEUE])


def report(world: World, *events: ev.Happening) -> World:
    """The edge agent puts something in its spool."""
    return world._replace(spool=(world.spool + events)[:LONGEST_QUEUE])


def moves(world: World, rules: Rules) -> Iterator[Step]:
    if world.todo:
        leg = world.todo[0]
        if world.leg(leg).before is None:
            yield from _offer(world, leg, rules)
        else:
            yield from _answer(world, leg, rules)
        pending = world.customer.before is not None or world.agent.before is not None
        if len(world.todo) == 2 and world.goal in ("partner", "home") and not pending:
            fresh = world.bridged in ((), ("agent", "customer"), ("customer", "agent"))
            if fresh and world.todo == ORDERS[0]:
                yield Move("partner", "partner", "takes the customer first"), world._replace(todo=ORDERS[1])
    elif world.partner is State.SECURED:
        gone = world._replace(partner=step(world.partner, Event.RELEASE))
        yield (
            Move("partner", "partner", "leaves secure mode by itself", fault=True),
            _go_home(gone, "partner"),
        )
    if world.partner is State.SECURING and world.todo and not world.bridged and world.goal == "partner":
        leg = world.todo[0]
        if world.leg(leg).before is None:
            lie = world._replace(goal="", todo=(), lied=True, partner=step(world.partner, Event.MOVED))
            yield Move("partner", "desk", "secured (a lie)", fault=True), _tell(lie, ev.PartnerSecured())


def _target(world: World, leg: LegName) -> Where:
    if world.goal == "refresh":
        return "partner" if leg in world.bridged else "home"
    return "partner" if world.goal == "partner" else "home"


def asks_for_hold(world: World, rules: Rules) -> bool:
    """The next thing is an offer that the router lets wait for the edge agent."""
    leg = world.todo[0]
    return world.leg(leg).before is None and router.asks_for_hold(world, leg, _target(world, leg), rules)


def _offer(world: World, leg: LegName, rules: Rules) -> Iterator[Step]:
    where = _target(world, leg)
    text = f"re-INVITE {leg} leg: {where}"
    yield Move("partner", leg_end(leg), text), router.offered(world, leg, where, rules)
    yield Move("partner", "edge", text + " (500)", fault=True), _heard_no(world)


def _answer(world: World, leg: LegName, rules: Rules) -> Iterator[Step]:
    where, before = world.leg(leg).at, world.leg(leg).before
    end, name = leg_end(leg), Leg(leg)
    moved = where != before
    done = router.answered(world, leg, rules)
    ok = _heard_yes(done, leg)
    number = world.hold_order if rules.reports_numbered else 0
    seen = ev.LegMoved(name, Place(where), fenced=leg == "agent" and done.fence, edge=EDGE, hold=number)
    silent = ev.MediaSilent(name)
    yield Move(end, "partner", f"200 {leg} leg"), (report(ok, seen) if moved else ok)
    if moved:
        yield Move(end, "partner", f"200 {leg} leg, no packets", fault=True), report(ok, silent)
        yield Move(end, "partner", f"200 {leg} leg, the notice is lost", fault=True), ok
    lost = _heard_no(done)
    yield (
        Move(end, "edge", f"200 {leg} leg, lost before the partner", fault=True),
        (report(lost, silent) if moved else lost),
    )
    back = router.refused(world, leg, rules)
    told = (ev.LegRefused(name, _REFUSED), ev.LegUndone(name)) if moved else ()
    yield Move(end, "partner", f"488 {leg} leg", fault=True), report(_heard_no(back), *told)
    glare = (ev.LegRefused(name, _GLARE), ev.LegUndone(name)) if moved else ()
    yield Move(end, "partner", f"491 {leg} leg, again later", fault=True), report(back, *glare)
    stuck = router.not_undone(world, leg)
    yield Move("edge", "partner", f"the router dies: 408 {leg} leg", fault=True), _heard_no(stuck)
    yield (
        Move(end, "partner", f"488 {leg} leg, not undone", fault=True),
        report(_heard_no(stuck), *told[:1]),
    )


def leg_end(leg: LegName) -> str:
    return "customer" if leg == "customer" else "agent"


def _heard_yes(world: World, leg: LegName) -> World:
    bridged = world.bridged
    if world.goal == "partner" and leg not in bridged:
        bridged = (*bridged, leg)
    elif world.goal == "home":
        bridged = tuple(one for one in bridged if one != leg)
    after = world._replace(bridged=bridged, todo=world.todo[1:])
    return after if after.todo else _finished(after)


def _heard_no(world: World) -> World:
    if world.goal == "refresh":
        after = world._replace(todo=world.todo[1:])
        return after if after.todo else _finished(after)
    if world.goal == "partner":
        return _go_home(world, "failed")
    return _stuck(world)


def _idle(world: World) -> World:
    return world._replace(goal="", todo=(), why="")


def _finished(world: World) -> World:
    """The movement is over, well."""
    if world.goal == "refresh":
        return _idle(world)
    if world.goal == "partner":
        secured = _tell(_idle(world)._replace(partner=step(world.partner, Event.MOVED)), ev.PartnerSecured())
        if not secured.release_wanted:
            return secured
        return _go_home(secured._replace(partner=step(secured.partner, Event.RELEASE)), "desk")
    if world.why == "failed":
        home = _idle(world)._replace(partner=step(world.partner, Event.MOVE_FAILED), release_wanted=False)
        home = _tell(home, ev.PartnerSecureFailed())
        return _tell(home, ev.PartnerReleased(By.DESK)) if world.release_wanted else home
    home = _idle(world)._replace(partner=step(world.partner, Event.CAME_HOME))
    return _tell(home, ev.PartnerReleased(By.DESK if world.why == "desk" else By.PARTNER))


def _stuck(world: World) -> World:
    failed = world.why == "failed"
    after = _idle(world)._replace(partner=step(world.partner, Event.GOT_STUCK), release_wanted=False)
    if failed:
        return _tell(after, ev.PartnerSecureFailed(), ev.PartnerReleased(By.PARTNER, stuck=True))
    return _tell(after, ev.PartnerReleased(By.DESK if world.why == "desk" else By.PARTNER, stuck=True))
