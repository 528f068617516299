"""How the desk hears: an event for its session, the commands that follow, and what is urgent."""

from __future__ import annotations

from callseal.desk.command_rules import SUPERSEDES
from callseal.explorer.desk import TICKING, After, Desk
from callseal.explorer.world import Move, World
from callseal.payments import events as ev
from callseal.payments.names import Do, State
from callseal.payments.session_table import AT_REST, COVERED

Step = tuple[Move, World]


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


def urgent(world: World, desk: Desk) -> bool:
    """Whether the desk must do something before the clock ticks again: its timers and the answers it waits for are shorter than that."""
    if not world.desk_up:
        return False
    if world.edge_lane or world.asked or world.seen is not None:
        return True
    state = desk.sessions[world.desk].state
    return world.alarm and (state in TICKING or state in COVERED)
