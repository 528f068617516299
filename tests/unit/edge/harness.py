"""The agent's stateful parts around a fake rtpengine, without sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from callseal.edge.acks import AckBook
from callseal.edge.database import Database
from callseal.edge.events import Reporter
from callseal.edge.holds import Holds
from callseal.edge.journal import Journal
from callseal.edge.nodes import Nodes
from callseal.edge.spool import Spool
from callseal.edge.watcher import Watcher
from tests.unit.edge.fakes import Clock, FakeRtpengine, settings

T = TypeVar("T")


class Bench:
    """Everything but HTTP and delivery; events stay in the spool, where a test reads them."""

    def __init__(self, database: Database, folder: Path, clock: Clock, **changes: Any) -> None:
        self.settings = settings(folder / "unused", **changes)
        self.clock = clock
        self.ng = FakeRtpengine()
        self.other_ng = FakeRtpengine()
        self.nodes = Nodes({"edge-1": self.ng, "edge-2": self.other_ng}, "edge-1")
        self.spool = Spool(database)
        self.journal = Journal(database)
        self.acks = AckBook(clock)
        self.reporter = Reporter(self.spool, edge="edge-1", now_ms=clock, random_bytes=_counting())
        self.holds = Holds(self.journal, self.nodes, self.reporter, self.settings, now_ms=clock)
        self.watcher = Watcher(
            self.nodes,
            self.acks,
            self.reporter,
            self.settings,
            is_held=self.holds.is_held,
            hold_order=self.holds.last_order,
        )

    async def events(self) -> list[dict[str, Any]]:
        """All queued events, oldest first."""
        found: list[dict[str, Any]] = []
        while parcels := await self.spool.due(now=2**62, busy=(), limit=99):
            for parcel in parcels:
                found.append(dict(parcel.body))
                await self.spool.delivered(parcel)
        return found

    async def until_event(self) -> dict[str, Any]:
        """The next event, within 2 s."""
        async with asyncio.timeout(2):
            while not (found := await self.events()):  # noqa: ASYNC110 - a test may poll
                await asyncio.sleep(0.002)
        return found[0]


def on_bench(
    folder: Path, story: Callable[[Bench], Awaitable[T]], clock: Clock | None = None, **changes: Any
) -> T:
    """Run `story` on a bench over `folder`'s database; a second run in the same folder is a restarted agent."""

    async def run() -> T:
        with Database(folder / "edge.sqlite3") as database:
            bench = Bench(database, folder, clock or Clock(), **changes)
            try:
                return await story(bench)
            finally:
                await bench.watcher.close()

    return asyncio.run(run())


def _counting() -> Callable[[int], bytes]:
    state = {"n": 0}

    def next_bytes(size: int) -> bytes:
        state["n"] += 1
        return state["n"].to_bytes(size, "big")

    return next_bytes
