"""Calls that nobody brings back: states from which no way leads to rest unless the agent presses, somebody hangs up, or another fault helps.

Safety is not enough: a call whose sound stays at a partner that has forgotten it leaks nothing and is lost all the same. Here time, and
the messages that are on their way, must be able to end it well.
"""

from __future__ import annotations

from collections import defaultdict

from callseal.explorer.invariants import at_rest
from callseal.explorer.search import Explored, successors
from callseal.explorer.world import Move, World


def stranded(found: Explored) -> list[World]:
    """All of them, those with the shortest way from the start first. Backwards from rest: what is not met is stranded."""
    before: defaultdict[World, list[World]] = defaultdict(list)
    for world in found.parents:
        for move, after in successors(world, found.desk, found.rules, most_faults=0):
            if not _is_help(move):
                before[after].append(world)
    reached = {world for world in found.parents if at_rest(world, found.desk)}
    todo = list(reached)
    while todo:
        for world in before[todo.pop()]:
            if world not in reached:
                reached.add(world)
                todo.append(world)
    return [world for world in found.parents if world not in reached]


def _is_help(move: Move) -> bool:
    return (move.by, move.to) == ("agent", "desk") or move.text == "hangs up"
