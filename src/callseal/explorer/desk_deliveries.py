"""What is on its way to and from the desk: its commands with every way they can end, and what edge and partner tell it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from callseal.explorer import router
from callseal.explorer.desk import Desk
from callseal.explorer.desk_moves import Step, hear
from callseal.explorer.partner import asked as partner_asked
from callseal.explorer.world import Move, Seen, World
from callseal.payments import events as ev
from callseal.payments.names import Do, Place, State

_PLACES = {"home": Place.HOME, "partner": Place.PARTNER, "nowhere": Place.UNKNOWN}


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
