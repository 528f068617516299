"""When the line was secured: from the partner's offers on the legs, from the call's record, or as somebody said.

The partner's SDP shows where it wants the media. At home it passes on what the other leg named; while it takes a card it names an address of
its own. From its first offer that does, to the answer that brings the last leg home, the agent must get no digit:

    open | securing (first offer .. both legs answered) | secured | restoring (first offer home .. both answered) | open
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from callseal.audit.roles import Call
from callseal.audit.signalling import Described, Dialog

OPEN, SECURING, SECURED, RESTORING, UNKNOWN = "open", "securing", "secured", "restoring", "unknown"
GUARDED = frozenset({SECURING, SECURED, RESTORING})
"""In these the agent may get nothing."""


@dataclass(frozen=True, slots=True)
class Window:
    """[begin, end) in Unix seconds; `complete` False: the capture ends before the window does."""

    kind: str
    begin: float
    end: float
    complete: bool = True

    @property
    def guarded(self) -> bool:
        return self.kind in GUARDED


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of one call without gaps, and how they are known: signalling, record, given or unknown."""

    known_by: str
    windows: tuple[Window, ...]
    notes: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        return self.known_by != UNKNOWN


@dataclass(frozen=True, slots=True)
class _Move:
    """One leg's media moves: offered, and answered (None: never)."""

    offered: float
    answered: float | None
    away: bool


def given(
    stretches: Sequence[tuple[float, float]], begin: float, end: float, known_by: str = "given"
) -> Windows:
    """Secured windows that somebody named, and the open ones around them."""
    found: list[Window] = []
    at = begin
    for first, last in sorted(stretches):
        if last <= begin or first >= end:
            continue
        if first > at:
            found.append(Window(OPEN, at, first))
        found.append(Window(SECURED, max(first, at), min(last, end), complete=last <= end))
        at = max(at, min(last, end))
    if at < end or not found:
        found.append(Window(OPEN, at, end))
    return Windows(known_by, tuple(found))


def from_record(record: Mapping[str, Any], begin: float, end: float) -> Windows:
    """From a call's record (`callseal record --json`): from each press to home again. Raises `ValueError`."""
    stretches = []
    try:
        for each in record["secured"]:
            if each.get("pressed_at") is None:
                continue
            until = each.get("home_at") or record.get("ended_at")
            stretches.append((each["pressed_at"] / 1000, until / 1000 if until else float("inf")))
    except (KeyError, TypeError, AttributeError):
        raise ValueError("not a call's record") from None
    return given(stretches, begin, end, "record")


def from_signalling(call: Call, begin: float, end: float) -> Windows:
    """From the partner's offers and their answers."""
    if not call.partner:
        return Windows(UNKNOWN, (Window(UNKNOWN, begin, end),), ("the partner is not in the capture",))
    elsewhere = _elsewhere(call)
    passed_on = any(
        where in elsewhere
        for _, one in call.descriptions()
        if call.host(one.source) == call.partner
        for where in one.addresses
    )
    if not passed_on:  # a B2BUA that always has the media, or a capture that begins late
        return Windows(
            UNKNOWN, (Window(UNKNOWN, begin, end),), ("the partner was never seen to pass media on",)
        )
    legs = [_moves(call, dialog, elsewhere) for dialog in call.dialogs]
    legs = [moves for moves in legs if moves]
    if not legs:
        return Windows(
            UNKNOWN, (Window(UNKNOWN, begin, end),), ("no offer of the partner is in the capture",)
        )
    notes: tuple[str, ...] = (
        () if len(legs) > 1 else ("the partner's offers of one leg only are in the capture",)
    )
    if not call.begun and not all(moves[0].away for moves in legs):
        return Windows(
            UNKNOWN,
            (Window(UNKNOWN, begin, end),),
            ("the line may have been secured when the capture began",),
        )
    if not call.begun:
        notes += ("whether the line was secured before the first offer in the capture is not known",)
    return Windows(
        "signalling", _joined(legs, begin, end, call.ended, OPEN if call.begun else UNKNOWN), notes
    )


def _elsewhere(call: Call) -> frozenset[tuple[str, int]]:
    """Media addresses that somebody else than the partner named: what the partner passes on is one of these."""
    return frozenset(
        where
        for _, one in call.descriptions()
        if call.host(one.source) != call.partner
        for where in one.addresses
    )


def _moves(call: Call, dialog: Dialog, elsewhere: frozenset[tuple[str, int]]) -> list[_Move]:
    """What the partner wanted on one leg, in order: only the changes."""
    moves: list[_Move] = []
    for one in dialog.descriptions:
        if call.host(one.source) != call.partner or not one.addresses:
            continue
        away = not any(where in elsewhere for where in one.addresses)
        answered = _answered(call, dialog, one)
        if answered is None and one.method == "INVITE" and _refused(dialog, one):
            continue
        if away == (moves[-1].away if moves else False):
            continue
        moves.append(_Move(one.at, answered, away))
    if not moves and any(call.host(one.source) == call.partner for one in dialog.descriptions):
        moves.append(_Move(dialog.begin, dialog.begin, away=False))
    return moves


def _answered(call: Call, dialog: Dialog, one: Described) -> float | None:
    if one.status or one.method == "ACK":  # an answer of the partner's own
        return one.at
    partner = call.partner
    return next(
        (
            each.at
            for each in dialog.messages
            if each.at >= one.at
            and each.method == one.method
            and each.cseq == one.cseq
            and 200 <= each.status < 300
            and call.host(each.destination) == partner
        ),
        None,
    )


def _refused(dialog: Dialog, one: Described) -> bool:
    return any(
        each.status >= 300 and each.method == one.method and each.cseq == one.cseq and each.at >= one.at
        for each in dialog.messages
    )


def _joined(
    legs: list[list[_Move]], begin: float, end: float, ended: float | None, first: str
) -> tuple[Window, ...]:
    """Walks through the moves of all legs in order; each leg is home, on its way, or away."""
    steps: list[tuple[float, int, str]] = []
    for number, moves in enumerate(legs):
        for move in moves:
            steps.append((move.offered, number, "leaving" if move.away else "coming"))
            if move.answered is not None:
                steps.append((move.answered, number, "away" if move.away else "home"))
    states = dict.fromkeys(range(len(legs)), "home")
    windows: list[Window] = []
    at, kind = begin, first
    for when, number, state in sorted(steps):
        states[number] = state
        now = _kind(set(states.values()), kind)
        if now != kind:
            if when > at:
                windows.append(Window(kind, at, when))
            at, kind = max(when, at), now
    last = ended if ended is not None and kind in GUARDED else end
    complete = ended is not None or kind == OPEN
    if last > at or not windows:
        windows.append(Window(kind, at, max(last, at), complete))
    return tuple(windows)


def _kind(states: set[str], before: str) -> str:
    if states == {"home"}:
        return OPEN
    if states == {"away"}:
        return SECURED
    if "coming" in states or (before in (SECURED, RESTORING) and "leaving" not in states):
        return RESTORING
    return SECURING
