"""The desk's watch over what carries its calls: every rtpengine, through every edge agent, and the partner.

The desk asks, nobody reports: docs/adr/0014-the-desk-asks-whether-a-node-lives.md. A node is lost when every agent that answers says
that it is silent, twice in a row; or when it has been started anew, because then it is alive and knows nothing. When no agent
answers, nothing is known about the nodes, and the evidence of secured calls is missed by those who ask for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from callseal.desk.partners import Partners
from callseal.payments import events as ev
from callseal.payments.names import State
from callseal.payments.ports import EdgePort, PartnerPort, StorePort
from callseal.payments.session import Session
from callseal.payments.session_table import COVERED

EVERY_S = 0.5
SILENT_TWICE = 2
PARTNER_SILENT_MS = 3_000
BATCH = 20
PACE_S = 0.05
"""So many calls are told in one go, then the rest of the desk has its turn; the partner and the edges are not asked for all at once."""
AGAIN_MS = 10_000

Report = Mapping[str, Mapping[str, int | None]]
log = structlog.get_logger("callseal.desk.watch")


@dataclass(slots=True)
class NodeBook:
    """What is known of each node from report to report. Pure: time comes in."""

    up: dict[str, int] = field(default_factory=dict)
    misses: dict[str, int] = field(default_factory=dict)

    def take(self, report: Report, now: int) -> tuple[frozenset[str], dict[str, int]]:
        """`(dead, restarted)`: the nodes that are dead, and when those that were started anew since the last report did (unix ms)."""
        restarted: dict[str, int] = {}
        for node in {node for said in report.values() for node in said}:
            seconds = [said[node] for said in report.values() if node in said]
            alive = [each for each in seconds if each is not None]
            if not alive:
                self.misses[node] = self.misses.get(node, 0) + 1
                continue
            self.misses[node] = 0
            up = max(alive)
            if up < self.up.get(node, 0):
                restarted[node] = now - up * 1000
            self.up[node] = up
        return frozenset(node for node, count in self.misses.items() if count >= SILENT_TWICE), restarted


def struck(
    sessions: list[Session], dead: frozenset[str], restarted: Mapping[str, int], now: int
) -> Iterator[tuple[Session, str]]:
    """Each live call that lost its sound, with the node that took it; secured ones first. One that is told already is told again
    after a while, because somebody may have been unable to move it."""
    for session in sorted(sessions, key=lambda one: one.state not in COVERED):
        if session.state is State.ENDED:
            continue
        told = session.lost_at is not None and now - session.lost_at < AGAIN_MS
        seen_at = max(session.started_at, session.legs_at)
        for node in (*dead, *restarted):
            before = node in dead or seen_at <= restarted[node]
            if session.touches(node) and before and not (told and node in dead):
                yield session, node
                break


class Teller(Protocol):
    """What the watch needs of the desk."""

    store: StorePort
    now_ms: Callable[[], int]

    def apply(self, reference: str, event: ev.Happening, *, source: str) -> Session: ...


class Watch:
    """`run()` until cancelled."""

    def __init__(
        self, desk: Teller, *, edges: EdgePort, partners: Partners, every_s: float = EVERY_S
    ) -> None:
        self._desk = desk
        self._edges = edges
        self._partners = partners
        self._every_s = every_s
        self._book = NodeBook()
        self._dead: frozenset[str] = frozenset()
        self._partner_seen_at: dict[str, int] = {}
        self._partners_told: set[str] = set()

    async def run(self) -> None:
        """Beside each other: a slow answer of the one must not delay the news of the other."""
        await asyncio.gather(self._again(self.look_at_nodes), self._again(self.look_at_partner))

    async def _again(self, look: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await look()
            except Exception:
                log.exception("watch_failed")

    async def look_at_nodes(self) -> None:
        """One round: ask every edge about every node, tell the calls that are struck."""
        report = await self._edges.nodes()
        now = self._desk.now_ms()
        dead, restarted = self._book.take(report, now)
        for node in dead - self._dead:
            log.error("node_lost", node=node)
        for node in self._dead - dead:
            log.warning("node_back", node=node)
        for node in restarted:
            log.error("node_started_anew", node=node)
        self._dead = dead
        if dead or restarted:
            found = list(struck(self._desk.store.open_sessions(), dead, restarted, now))
            for number, (session, node) in enumerate(found, 1):
                self._tell(session.reference, ev.NodeLost(node))
                if number % BATCH == 0:
                    await asyncio.sleep(PACE_S)

    async def look_at_partner(self) -> None:
        """One round for each; when one has been silent for long enough its secured calls are told, once."""
        await asyncio.gather(*(self._look_at(name, partner) for name, partner in self._partners))

    async def _look_at(self, name: str, partner: PartnerPort) -> None:
        there = await partner.answers()
        now = self._desk.now_ms()
        if there or name not in self._partner_seen_at:
            self._partner_seen_at[name] = now
            self._partners_told.discard(name)
        elif name not in self._partners_told and now - self._partner_seen_at[name] >= PARTNER_SILENT_MS:
            self._partners_told.add(name)
            log.error("partner_silent", partner=name)
            for session in self._desk.store.open_sessions():
                if session.state in COVERED and self._partners.name(session.partner_id) == name:
                    self._tell(session.reference, ev.PartnerSilent())

    def _tell(self, reference: str, event: ev.Happening) -> None:
        try:
            self._desk.apply(reference, event, source="watch")
        except Exception:
            log.exception("not_told", reference=reference)
