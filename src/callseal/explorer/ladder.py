"""A way through the model, printed like a call's ladder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from callseal.explorer.desk import Desk
from callseal.explorer.invariants import heard
from callseal.explorer.world import Move, World

_COLUMNS = ("agent", "desk", "edge", "partner", "customer")
_WIDTH = 17
_MARGIN = 4


def ladder(way: Sequence[tuple[Move, World]], desk: Desk) -> Iterator[str]:
    """One line a move; at its end, when they change, the desk's state and whether a key would be heard by the agent."""
    yield (" " * _MARGIN + "".join(name.ljust(_WIDTH) for name in _COLUMNS)).rstrip()
    shown = ""
    for number, (move, world) in enumerate(way, 1):
        held = ", held" if world.held else ""
        fenced = ", fenced" if world.fence else ""
        ear = "; THE AGENT HEARS A KEY" if heard(world) and world.opened else ""
        now = f"{desk.sessions[world.desk].state}: customer {world.customer.at}{held}, agent {world.agent.at}{fenced}{ear}"
        line = f"{number:3} {_arrow(move)}"
        yield f"{line:<{_MARGIN + _WIDTH * len(_COLUMNS)}} {'! ' if move.fault else '  '}{now if now != shown else ''}".rstrip()
        shown = now


def _arrow(move: Move) -> str:
    if move.by not in _COLUMNS or move.by == move.to:
        at = _COLUMNS.index(move.by) * _WIDTH if move.by in _COLUMNS else 0
        return " " * at + f"[{move.text}]"
    start, end = _COLUMNS.index(move.by) * _WIDTH, _COLUMNS.index(move.to) * _WIDTH
    low, high = sorted((start, end))
    text = f" {move.text} "
    body = text.center(max(high - low - 1, len(text)), "-")
    return " " * low + (f"{body}>" if start < end else f"<{body}")
