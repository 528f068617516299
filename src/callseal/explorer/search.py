"""Breadth first over all states: so the first way to a state that is found is a shortest one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from callseal.explorer import desk_deliveries, desk_wishes, edge_moves, partner
from callseal.explorer.desk import Desk
from callseal.explorer.invariants import INVARIANTS
from callseal.explorer.router import Rules
from callseal.explorer.world import Move, World
from callseal.payments import events as ev
from callseal.payments.names import State

Step = tuple[Move, World]


def successors(world: World, desk: Desk, rules: Rules, most_faults: int) -> Iterator[Step]:
    """Everything that can happen next. A call that is over goes nowhere.

    A message that is on its way arrives before people and clocks do anything more, unless its channel is slow: making it so is a fault,
    and then it may take for ever. That, and nothing else, keeps the number of states within reach.
    """
    if world.over:
        return
    for move, after in _next(world, desk, rules):
        if not move.fault:
            yield move, after
        elif world.faults < most_faults:
            yield move, after._replace(faults=world.faults + 1)
    ended = desk.hear(world.desk, ev.CallEnded())
    if ended is not None and desk.sessions[ended.desk].state is State.ENDED:
        yield Move("customer", "desk", "hangs up"), World(ended.desk, over=True, faults=world.faults)


def _next(world: World, desk: Desk, rules: Rules) -> Iterator[Step]:
    yield from edge_moves.late(world, rules)
    channels = dict(desk_deliveries.deliveries(world, desk))
    if world.todo:
        waits = world.expiring is not None and partner.asks_for_hold(world, rules)
        channels["re-INVITEs"] = edge_moves.expiry(world, rules) if waits else partner.moves(world, rules)
    for name, steps in channels.items():
        if name not in world.slow:
            yield from steps
            slow = world._replace(slow=tuple(sorted((*world.slow, name))))
            yield Move(name, name, f"{name} are slow", fault=True), slow
            return
    for name in world.slow:
        if name in channels:
            yield from channels[name]
        else:
            yield (
                Move(name, name, f"{name} are slow no more"),
                world._replace(slow=tuple(one for one in world.slow if one != name)),
            )
    yield from desk_wishes.wishes(world, desk, rules)
    if not world.todo:
        yield from partner.moves(world, rules)
    yield from edge_moves.moves(world, desk, rules)


@dataclass(slots=True)
class Explored:
    """What was found. `first` is the first state of each ending, `broken` of each invariant that does not hold."""

    desk: Desk
    rules: Rules
    most_faults: int
    states: int = 0
    transitions: int = 0
    depth: int = 0
    complete: bool = True
    first: dict[str, World] = field(default_factory=dict)
    broken: dict[str, World] = field(default_factory=dict)
    parents: dict[World, tuple[World, Move] | None] = field(default_factory=dict)

    def way(self, world: World) -> list[tuple[Move, World]]:
        """The shortest way from the start to that state."""
        steps: list[tuple[Move, World]] = []
        at = world
        while (parent := self.parents[at]) is not None:
            before, move = parent
            steps.append((move, at))
            at = before
        return steps[::-1]


def explore(
    rules: Rules,
    *,
    most_faults: int,
    endings: dict[str, Callable[[World, Desk], bool]] | None = None,
    stop_at_first: bool = False,
    most_states: int | None = None,
) -> Explored:
    """All states that can be reached with so many faults. `stop_at_first`: an invariant that is broken ends the search."""
    desk = Desk()
    start = World(desk.begin())
    found = Explored(desk, rules, most_faults)
    parents = found.parents
    parents[start] = None
    layer = [start]
    wanted = dict(endings or {})
    while layer:
        following: list[World] = []
        for world in layer:
            for name, ending in list(wanted.items()):
                if ending(world, desk):
                    found.first[name] = world
                    del wanted[name]
            for name, invariant in INVARIANTS.items():
                if name not in found.broken and not invariant(world, desk):
                    found.broken[name] = world
                    if stop_at_first:
                        found.states = len(parents)
                        return found
            for move, after in successors(world, desk, rules, most_faults):
                found.transitions += 1
                if after not in parents:
                    parents[after] = (world, move)
                    following.append(after)
            if most_states is not None and len(parents) > most_states:
                found.complete, found.states = False, len(parents)
                return found
        layer = following
        found.depth += bool(layer)
    found.states = len(parents)
    return found
