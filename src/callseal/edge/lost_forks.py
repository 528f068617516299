"""Devices that have answered a call which another had answered first (RFC 3261 section 13.2.2.4).

Such a dialog is ended by who asked, or by the device itself. The latter's BYE looks like the agent's, and where no rtpengine can say whom
the other side hears, only who remembers the answers can tell: this agent for what its own router heard, the desk for what the edges
report, because the edge that hears a device hang up need not be the one that heard it lose (`payments.session.Session.lost_forks`).
On the disk too, because an agent that was restarted in between would take the loser for the call.
"""

from __future__ import annotations

import json
import sqlite3
from collections import OrderedDict

from callseal.edge.database import Database

_REMEMBERED = 10_000
_OF_A_LEG = 32
"""More devices than a call is ever forked to; the newest count."""


class LostForks:
    """`reference` and `leg` name a leg of a call; `tag` says which device of it, is only compared, and without one nobody has lost."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lost: OrderedDict[tuple[str, str], tuple[str, ...]] = OrderedDict()

    async def load(self, *, older_than: int) -> None:
        """What an earlier run has written, without what is older than that (unix ms): a call whose BYE was never seen."""

        def work(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
            connection.execute("DELETE FROM lost_forks WHERE lost_at < ?", (older_than,))
            rows = connection.execute("SELECT reference, leg, tags FROM lost_forks ORDER BY lost_at")
            return [tuple(row) for row in rows]

        for reference, leg, tags in await self._database.run(work):
            self._lost[reference, leg] = tuple(json.loads(tags))

    async def lost(self, reference: str, leg: str, tag: str, *, now: int) -> None:
        """Another device has the call. `now` unix ms. Not flushed: the report that follows takes it to the disk."""
        known = self._lost.get((reference, leg), ())
        if not tag or tag in known:
            return
        tags = (*known, tag)[-_OF_A_LEG:]
        self._lost[reference, leg] = tags
        self._lost.move_to_end((reference, leg))
        await self._database.run(
            lambda connection: connection.execute(
                "INSERT OR REPLACE INTO lost_forks VALUES (?, ?, ?, ?)",
                (reference, leg, json.dumps(tags), now),
            ),
            flush=False,
        )
        if len(self._lost) > _REMEMBERED:
            await self.ended(*next(iter(self._lost)))

    def has_lost(self, reference: str, leg: str, tag: str) -> bool:
        """Whether an end of that leg is that of a device which never had the call."""
        return tag in self._lost.get((reference, leg), ())

    async def ended(self, reference: str, leg: str) -> None:
        """The leg is over. Costs nothing where nobody has lost."""
        if self._lost.pop((reference, leg), None) is None:
            return
        # Not flushed: a row that a power cut brings back is of a leg that has ended, and goes with the old ones.
        await self._database.run(
            lambda connection: connection.execute(
                "DELETE FROM lost_forks WHERE reference = ? AND leg = ?", (reference, leg)
            ),
            flush=False,
        )
