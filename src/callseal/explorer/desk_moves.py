"""What the desk does and hears: presses, the clock, its commands with every way they can end, what the edge and the partner tell it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from callseal.desk.command_rules import SUPERSEDES
from callseal.explorer import router
from callseal.explorer.desk import TICKING, After, Desk
from callseal.explorer.partner import asked as partner_asked
from callseal.explorer.router import Rules
from callseal.explorer.world import Move, Seen, World
from callseal.payments import events as ev
from callseal.payments.money import Money
from callseal.payments.names import By, ChargeState, Do, Place, State
from callseal.payments.session_table import AT_REST, COVERED

Step = tuple[Move, World]

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
_PLACES = {"home": Place.HOME, "partner": Place.PARTNER, "nowhere": Place.UNKNOWN}
_EDGE, _PARTNER = (Do.HOLD, Do.UNHOLD), (Do.SECURE, Do.RELEASE, Do.REFRESH)
LONGEST_LANE = 3


def hear(world: World, desk: Desk, event: ev.Happening) -> World | None:
    """The session hears something, and its commands are given. None: a press that is refused."""
    after = desk.hear(world.desk, event)
    return None if after is None else _apply(world, desk, after)


def _apply(world: World, desk: Desk, after: After) -> World:
    commands = after.commands
    at_rest = desk.sessions[after.desk].state in (*AT_REST, State.ENDED)
    pointless: set[Do] = set()
    for command in commands:
        pointless |= SUPERSEDES.get(command, frozenset())
    edge = tuple(do for do in world.edge_lane if do not in pointless)
    partner = tuple(do for do in world.partner_lane if do not in pointless)
    stale = world.stale or after.moved_legs
    asked, seen = world.asked, world.seen
    if Do.QUERY_MEDIA in commands:
        asked, seen, stale = True, None, False
    return world._replace(
        desk=after.desk,
        opened=world.opened and not at_rest,
        alarm=world.alarm and not after.rearmed,
        edge_lane=(edge + tuple(do for do in commands if do in _EDGE))[-LONGEST_LANE:],
        partner_lane=(partner + tuple(do for do in commands if do in _PARTNER))[-LONGEST_LANE:],
        asked=asked,
        seen=seen,
        stale=stale and (asked or seen is not None),
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


def deliveries(world: World, desk: Desk) -> Iterator[tuple[str, Iterator[Step]]]:
    """What is on its way, by channel: whatever is not slow happens before anything else does."""
    if not world.desk_up:
        return
    if world.edge_lane:
        yield "edge commands", _edge_commands(world, desk)
    if world.partner_lane and world.goal != "refresh":  # one movement at a time: the mover's lock
        yield "partner commands", _partner_commands(world, desk)
    if world.spool:
        yield "edge reports", _reports(world, desk, "edge", "spool")
    if world.asked or world.seen is not None:
        yield "edge answers", _questions(world, desk)
    if world.hooks:
        yield "webhooks", _reports(world, desk, "partner", "hooks")


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


def _edge_commands(world: World, desk: Desk) -> Iterator[Step]:
    do, rest = world.edge_lane[0], world._replace(edge_lane=world.edge_lane[1:])
    if do is Do.HOLD and world.customer.at == "nowhere":
        after = hear(rest, desk, _told(desk, do, refused=True))
        if after is not None:
            yield Move("desk", "edge", "hold: no such leg"), after
        return
    done = router.held(rest) if do is Do.HOLD else router.unheld(rest)
    if do is Do.HOLD and desk.sessions[world.desk].state is State.SECURING:
        done = done._replace(opened=True)
    good = hear(done, desk, ev.HoldConfirmed()) if do is Do.HOLD else done
    if good is not None:
        yield Move("desk", "edge", str(do)), good
    event = desk.failed(do, sent=True)
    cases = (("no answer", done, event), ("does not arrive", rest, event), ("arrives late", rest, event))
    yield from _failures(world, desk, "edge", do, cases)


def _told(desk: Desk, do: Do, *, refused: bool = False) -> ev.Happening:
    event = desk.failed(do, refused=refused)
    if event is None:
        raise LookupError(f"nothing is told about {do}")
    return event


def _questions(world: World, desk: Desk) -> Iterator[Step]:
    if world.asked:
        yield (
            Move("desk", "edge", "where is the media?"),
            world._replace(asked=False, seen=router.look(world)),
        )
        lost = hear(world._replace(asked=False, stale=False), desk, _told(desk, Do.QUERY_MEDIA))
        if lost is not None:
            yield Move("desk", "edge", "where is the media? nobody answers", fault=True), lost
    if world.seen is not None:
        seen: Seen = world.seen
        event = ev.MediaSeen(
            _PLACES[seen.customer],
            _PLACES[seen.agent],
            seen.fenced,
            anchored=seen.customer != "nowhere",
            asked_at=-1 if world.stale else 1,
        )
        after = hear(world._replace(seen=None, stale=False), desk, event)
        if after is not None:
            text = f"customer {seen.customer}, agent {seen.agent}" + (", fenced" if seen.fenced else "")
            yield Move("edge", "desk", text), after


def _partner_commands(world: World, desk: Desk) -> Iterator[Step]:
    do, rest = world.partner_lane[0], world._replace(partner_lane=world.partner_lane[1:])
    done = partner_asked(rest, do)
    if done is None:
        event = desk.failed(do, refused=True)
        refused = hear(rest, desk, event) if event is not None else rest
        if refused is not None:
            yield Move("desk", "partner", f"{do}: wrong state"), refused
        done = rest
    else:
        yield Move("desk", "partner", str(do)), done
    unsent, silent = desk.failed(do, sent=False), desk.failed(do, sent=True)
    cases = (("does not arrive", rest, unsent), ("no answer", done, silent), ("arrives late", rest, silent))
    yield from _failures(world, desk, "partner", do, cases)


def _failures(
    world: World, desk: Desk, to: str, do: Do, cases: Iterable[tuple[str, World, ev.Happening | None]]
) -> Iterator[Step]:
    """A command that goes wrong in each way: (what happens, the world after it, what the desk then hears)."""
    for text, after, event in cases:
        failed = hear(after, desk, event) if event is not None else after
        if failed is None:
            continue
        if text == "arrives late":
            if world.late is not None:
                continue
            failed = failed._replace(late=do, outdated=False)
        yield Move("desk", to, f"{do}: {text}", fault=True), failed


def _reports(world: World, desk: Desk, by: str, name: str) -> Iterator[Step]:
    """At least once and in order; a fault loses one, brings one again, or lets the second overtake the first."""
    queue: tuple[ev.Happening, ...] = getattr(world, name)
    yield from _told_by(world, desk, by=by, name=name, event=queue[0], left=queue[1:], how="", fault=False)
    yield from _told_by(
        world, desk, by=by, name=name, event=queue[0], left=queue, how=", and will again", fault=True
    )
    yield Move(by, "desk", f"{told(queue[0])}: lost", fault=True), _with_queue(world, name, queue[1:])
    if len(queue) > 1:
        left = (queue[0], *queue[2:])
        yield from _told_by(
            world, desk, by=by, name=name, event=queue[1], left=left, how=" overtakes", fault=True
        )


def _with_queue(world: World, name: str, queue: tuple[ev.Happening, ...]) -> World:
    return world._replace(spool=queue) if name == "spool" else world._replace(hooks=queue)


def _told_by(
    world: World,
    desk: Desk,
    *,
    by: str,
    name: str,
    event: ev.Happening,
    left: tuple[ev.Happening, ...],
    how: str,
    fault: bool,
) -> Iterator[Step]:
    after = hear(_with_queue(world, name, left), desk, event)
    if after is not None and not (fault and after == world):
        yield Move(by, "desk", told(event) + how, fault=fault), after


def told(event: ev.Happening) -> str:
    """A report in the words of interfaces.md."""
    text = str(event.name)
    if isinstance(event, ev.LegMoved):
        return f"{event.leg} leg moved: {event.where}" + (", fenced" if event.fenced else "")
    if isinstance(event, ev.LegRefused | ev.LegUndone | ev.MediaSilent):
        return f"{event.leg} {text.removeprefix('leg_')}"
    return text


def urgent(world: World, desk: Desk) -> bool:
    """Whether the desk must do something before the clock ticks again: its timers and the answers it waits for are shorter than that."""
    if not world.desk_up:
        return False
    if world.edge_lane or world.asked or world.seen is not None:
        return True
    state = desk.sessions[world.desk].state
    return world.alarm and (state in TICKING or state in COVERED)
