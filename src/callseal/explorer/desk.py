"""The desk in the model is the real one: `payments.engine.handle`, and what `desk.command_rules` make of answers and silence.

Sessions are stripped of what only counts or tells the time, so that two that behave alike are one; each gets a number.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from callseal.desk import command_rules
from callseal.explorer.world import THIS_ATTEMPT
from callseal.payments import commands as cmd
from callseal.payments import engine
from callseal.payments import events as ev
from callseal.payments.errors import Refusal
from callseal.payments.names import Direction, Do, Event, State
from callseal.payments.ports import Refused, Unreachable
from callseal.payments.session import Result, Session
from callseal.payments.session_table import COVERED, HOMEWARD, lookup

NOW = 1
EDGE = "edge-1"
REFERENCE = "0" * 32
TICKING = (State.SECURING, *HOMEWARD)
"""States whose deadline is at most one tick away; the covered ones verify as often."""


class After(NamedTuple):
    """What became of a session: `moved_legs` a leg was reported, `rearmed` its timer was set anew."""

    desk: int
    commands: tuple[Do, ...]
    moved_legs: bool
    rearmed: bool


class Desk:
    """All sessions that were ever seen, by number."""

    def __init__(self) -> None:
        self._numbers: dict[Session, int] = {}
        self.sessions: list[Session] = []
        self._after: dict[tuple[int, ev.Happening], After | None] = {}
        self._samples: dict[Do, cmd.Command] = {}
        self.rows: set[tuple[State, Event]] = set()
        """The rows of the session table that were taken."""

    def begin(self) -> int:
        """A call that the contact centre has been told of."""
        fresh = Session(
            reference=REFERENCE,
            tenant="",
            number="",
            direction=Direction.IN,
            caller="",
            called="",
            edge=EDGE,
            node="1",
            region="",
            customer_call_id="c",
            agent_call_id="a",
            started_at=0,
        )
        session, _ = engine.begin(fresh, NOW)
        after = self.hear(self._number(session), ev.Annotated())
        if after is None:
            raise LookupError("a fact was refused")
        return after.desk

    def hear(self, number: int, event: ev.Happening) -> After | None:
        """The session after the event; None: a press that is refused."""
        key = (number, event)
        if key not in self._after:
            self._after[key] = self._hear(self.sessions[number], event)
        return self._after[key]

    def _hear(self, session: Session, event: ev.Happening) -> After | None:
        try:
            after, commands = engine.handle(session, event, NOW)
        except Refusal:
            return None
        if lookup(session.state, event.name) is not None:
            self.rows.add((session.state, event.name))
        for command in commands:
            self._samples.setdefault(command.do, command)
        timer = after.verify_at if after.state in COVERED else after.deadline_at
        return After(
            self._number(after),
            tuple(command.do for command in commands),
            moved_legs=after.legs_at == NOW,
            rearmed=bool(timer),
        )

    def failed(self, do: Do, *, refused: bool = False, sent: bool = False) -> ev.Happening | None:
        """What the real dispatcher tells the session when a command was refused, or nobody answered."""
        command = self._samples[do]
        if refused:
            return command_rules.refused(command, Refused(409, ""))
        return command_rules.unreachable(command, Unreachable("", sent=sent))

    def _number(self, session: Session) -> int:
        plain = _plain(session)
        if plain not in self._numbers:
            self._numbers[plain] = len(self.sessions)
            self.sessions.append(plain)
        return self._numbers[plain]


def _zero(time: int | None) -> int | None:
    return None if time is None else 0


def _plain(session: Session) -> Session:
    capture, charge, result = session.capture, session.charge, session.result
    return replace(
        session,
        version=0,
        entered_at=0,
        deadline_at=_zero(session.deadline_at),
        verify_at=_zero(session.verify_at),
        notice=None,
        notice_detail="",
        commands=0,
        attempts=0,
        hold=THIS_ATTEMPT if session.hold else 0,
        charges=0,
        legs_at=0,
        lost_at=_zero(session.lost_at),
        pressed_at=None,
        secured_at=None,
        capture=replace(capture, started_at=0, progress_at=0) if capture else None,
        charge=replace(charge, asked_at=0, queries=0, next_query_at=_zero(charge.next_query_at))
        if charge
        else None,
        result=Result(result.outcome) if result else None,
    )
