"""The durable queue towards the desk: hand-offs and events, at least once, oldest first per call reference.

Among calls a row goes when it is due, and the end of a call is due a second later than anything else: nobody waits for it, and near the
limit of a machine an agent's new call would wait behind the ends of others.

A row leaves the queue when the desk has said 2xx, and only then. The head of a reference blocks what follows it, so the
desk never hears of a leg before the hand-off of its call; references do not block each other.

A hand-off holds the token. It is therefore deleted at delivery (overwritten, and out of the log file within 0.2 s), and a call that
ends undelivered loses its token on the spot: the token died with the call, the record of the call still goes out.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from callseal.edge.database import Database

Kind = Literal["handoff", "event"]


@dataclass(frozen=True, slots=True)
class Parcel:
    """One row to deliver. `body` may hold a token: it stays out of `repr`."""

    id: int
    reference: str
    kind: Kind
    idempotency_key: str
    body: Mapping[str, Any]
    queued_at: int
    attempts: int

    def __repr__(self) -> str:
        return f"Parcel({self.id}, {self.kind}, attempts={self.attempts})"


@dataclass(frozen=True, slots=True)
class Depth:
    """How much waits, and since when (unix ms; None when nothing waits)."""

    rows: int
    oldest_at: int | None


class Spool:
    """`on_change` is called after every row that was added or became due."""

    def __init__(self, database: Database, on_change: Callable[[], None] = lambda: None) -> None:
        self._database = database
        self.on_change = on_change

    async def put(
        self,
        *,
        reference: str,
        kind: Kind,
        idempotency_key: str,
        body: Mapping[str, Any],
        now: int,
        flush: bool = True,
        patience_ms: int = 0,
    ) -> bool:
        """Queue one row; on the disk when this returns (`flush=False`: soon). False: that key is queued already, the
        first one stays. `patience_ms`: by how much younger rows of other calls may go before it."""

        def work(connection: sqlite3.Connection) -> bool:
            done = connection.execute(
                "INSERT INTO outbox (reference, kind, idempotency_key, body, queued_at, due_by)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (idempotency_key) DO NOTHING",
                (
                    reference,
                    kind,
                    idempotency_key,
                    json.dumps(body, separators=(",", ":")),
                    now,
                    now + patience_ms,
                ),
            )
            return done.rowcount == 1

        added = await self._database.run(work, flush=flush)
        self.on_change()
        return added

    async def due(self, *, now: int, busy: Collection[str], limit: int) -> list[Parcel]:
        """The heads that may be tried now, the most pressing first, without the references in `busy`."""

        def work(connection: sqlite3.Connection) -> list[Parcel]:
            rows = connection.execute(
                "SELECT * FROM outbox AS o WHERE not_before <= ?"
                " AND id = (SELECT min(id) FROM outbox WHERE reference = o.reference)"
                " AND reference NOT IN (SELECT value FROM json_each(?)) ORDER BY due_by, id LIMIT ?",
                (now, json.dumps(sorted(busy)), limit),
            )
            return [_parcel(row) for row in rows]

        return await self._database.run(work)

    async def next_due(self, busy: Collection[str]) -> int | None:
        """When the next head may be tried (unix ms), not counting `busy`; None when nothing waits."""

        def work(connection: sqlite3.Connection) -> int | None:
            row = connection.execute(
                "SELECT min(not_before) FROM outbox AS o"
                " WHERE id = (SELECT min(id) FROM outbox WHERE reference = o.reference)"
                " AND reference NOT IN (SELECT value FROM json_each(?))",
                (json.dumps(sorted(busy)),),
            ).fetchone()
            due: int | None = row[0]
            return due

        return await self._database.run(work)

    async def delivered(self, parcel: Parcel) -> None:
        """Forget a row for good. An event that a power cut brings back is delivered twice, which its key allows."""
        await self._database.run(
            lambda connection: connection.execute("DELETE FROM outbox WHERE id = ?", (parcel.id,)),
            flush=False,
        )
        if parcel.kind == "handoff":
            self._database.forget_pages_soon()  # takes the deletion to the disk, too

    async def failed(self, parcel: Parcel, *, retry_at: int) -> None:
        """Count the attempt and put it off."""
        await self._database.run(
            lambda connection: connection.execute(
                "UPDATE outbox SET attempts = attempts + 1, not_before = ? WHERE id = ?",
                (retry_at, parcel.id),
            ),
            flush=False,
        )

    async def hasten(self) -> None:
        """The desk is back: what waits for its back-off may go now."""
        await self._database.run(
            lambda connection: connection.execute("UPDATE outbox SET not_before = 0 WHERE not_before > 0")
        )
        self.on_change()

    async def drop_token(self, reference: str) -> bool:
        """Take the token out of an undelivered hand-off. True when there was one."""

        def work(connection: sqlite3.Connection) -> bool:
            row = connection.execute(
                "SELECT id, body FROM outbox WHERE kind = 'handoff' AND reference = ?", (reference,)
            ).fetchone()
            if row is None:
                return False
            body = json.loads(row["body"])
            if not body["token"]:
                return False
            body |= {"token": "", "reason": "no_token"}
            connection.execute(
                "UPDATE outbox SET body = ? WHERE id = ?",
                (json.dumps(body, separators=(",", ":")), row["id"]),
            )
            return True

        dropped = await self._database.run(work)
        if dropped:
            await self._database.forget_pages()
        return dropped

    async def expire(self, *, before: int) -> int:
        """Delete what was queued before that time, and say how much it was."""

        def work(connection: sqlite3.Connection) -> int:
            return connection.execute("DELETE FROM outbox WHERE queued_at < ?", (before,)).rowcount

        gone = await self._database.run(work)
        if gone:
            await self._database.forget_pages()
        return gone

    async def depth(self) -> Depth:
        def work(connection: sqlite3.Connection) -> Depth:
            rows, oldest = connection.execute("SELECT count(*), min(queued_at) FROM outbox").fetchone()
            return Depth(rows, oldest)

        return await self._database.run(work)


def _parcel(row: sqlite3.Row) -> Parcel:
    return Parcel(
        id=row["id"],
        reference=row["reference"],
        kind=row["kind"],
        idempotency_key=row["idempotency_key"],
        body=json.loads(row["body"]),
        queued_at=row["queued_at"],
        attempts=row["attempts"],
    )
