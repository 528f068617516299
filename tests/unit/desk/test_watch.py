"""When is a node lost, whose calls are struck, and who is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from callseal.desk.partners import Partners
from callseal.desk.watch import AGAIN_MS, PARTNER_SILENT_MS, NodeBook, Watch, struck
from callseal.payments import events as ev
from callseal.payments.names import Direction, Place, State
from callseal.payments.session import LegView, Session

pytestmark = pytest.mark.unit

NOW = 1_790_000_100_000
NOBODY: frozenset[str] = frozenset()


def session(**changes: Any) -> Session:
    plain = Session(
        reference="r",
        tenant="acme",
        number="+44",
        direction=Direction.IN,
        caller="",
        called="",
        edge="edge-1",
        node="1",
        region="",
        customer_call_id="c",
        agent_call_id="a",
        started_at=NOW - 60_000,
        state=State.READY,
    )
    return replace(plain, **changes)


def test_a_node_is_dead_when_everybody_says_so_twice() -> None:
    book = NodeBook()
    up = {"1": 10, "2": 20}
    assert book.take({"e1": up, "e2": up}, NOW) == (NOBODY, {})
    gone = {"1": None, "2": 20}
    assert book.take({"e1": gone, "e2": gone}, NOW) == (NOBODY, {}), "once may be a lost datagram"
    assert book.take({"e1": gone, "e2": gone}, NOW) == (frozenset({"1"}), {})
    assert book.take({"e1": up, "e2": gone}, NOW) == (NOBODY, {}), "one that reaches it is enough"


def test_when_no_agent_answers_nothing_is_known() -> None:
    book = NodeBook()
    book.take({"e1": {"1": 10}}, NOW)
    for _ in range(5):
        assert book.take({}, NOW) == (NOBODY, {})


def test_a_node_that_was_started_anew_is_alive_and_knows_nothing() -> None:
    book = NodeBook()
    book.take({"e1": {"1": 500}}, NOW)
    assert book.take({"e1": {"1": 2}}, NOW) == (NOBODY, {"1": NOW - 2000})
    assert book.take({"e1": {"1": 3}}, NOW) == (NOBODY, {}), "told once"


def test_calls_of_that_node_are_struck_and_secured_ones_come_first() -> None:
    ready = session(reference="ready")
    moved = session(
        reference="moved", customer=LegView(node="2"), agent=LegView(node="2"), state=State.CAPTURING
    )
    half = session(reference="half", agent=LegView(node="2"))
    secured = session(reference="secured", state=State.SECURED)
    ended = session(reference="ended", state=State.ENDED)
    found = struck([ready, moved, half, secured, ended], frozenset({"1"}), {}, NOW)
    assert [(one.reference, node) for one, node in found] == [("secured", "1"), ("ready", "1"), ("half", "1")]


def test_a_struck_call_is_told_again_only_after_a_while() -> None:
    told = session(lost_at=NOW)
    assert list(struck([told], frozenset({"1"}), {}, NOW + AGAIN_MS - 1)) == []
    assert list(struck([told], frozenset({"1"}), {}, NOW + AGAIN_MS)) != []


def test_a_call_that_began_after_the_restart_is_not_struck() -> None:
    assert list(struck([session(started_at=NOW - 1000)], NOBODY, {"1": NOW - 2000}, NOW)) == []
    assert list(struck([session(started_at=NOW - 3000)], NOBODY, {"1": NOW - 2000}, NOW)) != []


class World:
    """Edges, partner, store and desk in one."""

    def __init__(self, *sessions: Session) -> None:
        self.sessions = list(sessions)
        self.report: dict[str, dict[str, int | None]] = {"e1": {"1": 5}}
        self.partner_there = True
        self.told: list[tuple[str, ev.Happening]] = []
        self.store: Any = self
        self.now = NOW
        self.now_ms: Callable[[], int] = lambda: self.now

    async def nodes(self) -> dict[str, dict[str, int | None]]:
        return self.report

    async def answers(self) -> bool:
        return self.partner_there

    def open_sessions(self) -> list[Session]:
        return self.sessions

    def apply(self, reference: str, event: ev.Happening, *, source: str) -> Session:
        self.told.append((reference, event))
        return self.sessions[0]


def rounds(world: World, count: int) -> list[tuple[str, ev.Happening]]:
    watch: Any = Watch(world, edges=world, partners=Partners.alone(world))  # type: ignore[arg-type]

    async def look() -> None:
        for _ in range(count):
            await watch.look_at_nodes()
            await watch.look_at_partner()
            world.now += 500

    asyncio.run(look())
    return world.told


def test_the_desk_is_told_of_a_dead_node() -> None:
    world = World(session(), session(reference="other", node="2"))
    world.report = {"e1": {"1": None, "2": 5}}
    assert rounds(world, 2) == [("r", ev.NodeLost("1"))]


def test_the_desk_is_told_once_of_a_silent_partner_and_only_about_secured_calls() -> None:
    there = LegView(Place.PARTNER, Place.PARTNER)
    secured = session(reference="s", state=State.SECURED, customer=there, agent=there)
    world = World(secured, session())
    world.partner_there = False
    most = PARTNER_SILENT_MS // 500
    assert rounds(world, most) == []
    assert rounds(world, most + 5) == [("s", ev.PartnerSilent())]
