"""One state of the whole: what desk, edge, partner and the messages between them are at one moment.

Everything is a small value that hashes fast, because millions of these are made. `desk` is a number: `Desk` keeps the real sessions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, NamedTuple, TypeAlias

from callseal.payments.events import Happening, LegMoved
from callseal.payments.names import Do
from callseal.sandbox.session.table import State as Partner

LegName: TypeAlias = Literal["customer", "agent"]
Where: TypeAlias = Literal["home", "partner", "nowhere"]
"""Where a leg's anchor sends its media; `nowhere`: the node that carried it is dead."""


EARLIER_ATTEMPT, THIS_ATTEMPT = 1, 2
"""Numbers of the desk's holds, as far as they matter: before or after the last press. 0: none."""


class Leg(NamedTuple):
    """`before`: where it was when a re-INVITE that is still unanswered moved it; None: nothing is on its way."""

    at: Where = "home"
    before: Where | None = None


class Seen(NamedTuple):
    """What the edge saw when it was asked, on its way back to the desk."""

    customer: Where
    agent: Where
    fenced: bool


class World(NamedTuple):
    """One state. Nothing here grows without end, so there are finitely many."""

    # the desk
    desk: int
    desk_up: bool = True
    alarm: bool = False
    """The clock has ticked since the desk's timer was set: it fires before the next tick."""
    edge_lane: tuple[Do, ...] = ()
    partner_lane: tuple[Do, ...] = ()
    asked: bool = False
    seen: Seen | None = None
    stale: bool = False
    """A leg was reported after the question was asked."""
    # on the wire
    late: Do | None = None
    """A request that the desk has given up, still on its way."""
    outdated: bool = False
    """The edge has carried out a newer hold of the desk's than that late unhold, or that late hold is of an earlier attempt."""
    spool: tuple[Happening, ...] = ()
    hooks: tuple[Happening, ...] = ()
    # the edge
    customer: Leg = Leg()
    agent: Leg = Leg()
    held: bool = False
    fence: bool = False
    hold_age: int | None = None
    """Ticks since the edge agent's journal has the hold; None: no hold in it."""
    lapsed: bool = False
    """The last hold ended by its time, with both legs home."""
    expiring: Seen | None = None
    """The edge agent ends a hold: it has looked, and not looked again yet."""
    passed: bool = False
    """...and has passed everything meanwhile."""
    hold_order: int = 0
    """The number of the desk's last hold that the edge agent has been commanded."""
    # the partner
    partner: Partner = Partner.HOME
    bridged: tuple[LegName, ...] = ()
    """The legs that the partner takes to be with it."""
    goal: Literal["", "partner", "home", "refresh"] = ""
    todo: tuple[LegName, ...] = ()
    why: Literal["", "desk", "partner", "failed"] = ""
    release_wanted: bool = False
    lied: bool = False
    slow: tuple[str, ...] = ()
    """Channels whose messages are kept waiting for as long as it takes."""
    opened: bool = False
    """The hold of a press was carried out, and the session has not come to rest since."""
    # the story
    over: bool = False
    faults: int = 0

    def pressed(self) -> World:
        """Secure is pressed: what the edge knows and has reported is of an earlier attempt now."""
        old = min(self.hold_order, EARLIER_ATTEMPT)
        spool = tuple(
            replace(event, hold=min(event.hold, EARLIER_ATTEMPT)) if isinstance(event, LegMoved) else event
            for event in self.spool
        )
        return self._replace(hold_order=old, spool=spool, outdated=self.outdated or self.late is Do.HOLD)

    def leg(self, name: LegName) -> Leg:
        return self.customer if name == "customer" else self.agent

    def with_leg(self, name: LegName, leg: Leg) -> World:
        return self._replace(customer=leg) if name == "customer" else self._replace(agent=leg)


class Move(NamedTuple):
    """One thing that happens. `to` equal to `by`: inside one party. `fault`: the world misbehaves."""

    by: str
    to: str
    text: str
    fault: bool = False
