"""What must survive a restart besides the queue: which customer legs are on hold, and which two legs make a call."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from dataclasses import dataclass

from callseal.edge.database import Database

_WRITE_AGAIN_MS = 3_600_000
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Hold:
    """One customer leg on hold. Times are unix milliseconds.

    `call_id` is the SIP Call-ID of the customer leg. At `expires_at` the agent looks; until `limit_at` it may put that
    off. `media`: the audio is blocked too (digits always are). `cseq`: of the re-INVITE that set it, 0 from the desk.
    """

    reference: str
    call_id: str
    node: str
    expires_at: int
    limit_at: int
    media: bool = True
    cseq: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """The SIP Call-IDs of one call's two legs; an ended or unknown leg is the empty string."""

    reference: str
    customer_call_id: str
    agent_call_id: str
    node: str


class Journal:
    """Both tables. What is remembered is on the disk when a method returns; forgetting a hold is not waited for."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._written: OrderedDict[str, tuple[Call, int]] = OrderedDict()

    async def holds(self) -> list[Hold]:
        def work(connection: sqlite3.Connection) -> list[Hold]:
            rows = connection.execute("SELECT * FROM holds ORDER BY expires_at")
            return [Hold(**{**dict(row), "media": bool(row["media"])}) for row in rows]

        return await self._database.run(work)

    async def write_hold(self, hold: Hold, *, flush: bool = True) -> None:
        await self._database.run(
            lambda connection: connection.execute(
                "INSERT OR REPLACE INTO holds (reference, call_id, node, expires_at, limit_at, media, cseq)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    hold.reference,
                    hold.call_id,
                    hold.node,
                    hold.expires_at,
                    hold.limit_at,
                    int(hold.media),
                    hold.cseq,
                ),
            ),
            flush=flush,
        )

    async def forget_hold(self, reference: str) -> None:
        # Not flushed: a hold that comes back after a power cut ends by itself, like any other.
        await self._database.run(
            lambda connection: connection.execute("DELETE FROM holds WHERE reference = ?", (reference,)),
            flush=False,
        )

    async def call(self, reference: str) -> Call | None:
        def work(connection: sqlite3.Connection) -> Call | None:
            row = connection.execute(
                "SELECT reference, customer_call_id, agent_call_id, node FROM calls WHERE reference = ?",
                (reference,),
            ).fetchone()
            return None if row is None else Call(**dict(row))

        return await self._database.run(work)

    async def note_call(
        self, reference: str, *, node: str, now: int, customer_call_id: str = "", agent_call_id: str = ""
    ) -> None:
        """Remember the legs that are given and keep what is known of the other.

        Every notice says the same again, and each waits for the one before it: what this process has written before is
        not written twice within an hour.
        """
        await self._note(reference, node, now, customer_call_id, agent_call_id, flush=True)

    async def note_handoff(
        self, reference: str, *, node: str, now: int, customer_call_id: str, agent_call_id: str
    ) -> None:
        """The same for who queues the hand-off next: that one's flush takes both to the disk."""
        await self._note(reference, node, now, customer_call_id, agent_call_id, flush=False)

    async def _note(
        self, reference: str, node: str, now: int, customer_call_id: str, agent_call_id: str, *, flush: bool
    ) -> None:
        known, written_at = self._written.get(reference, (Call(reference, "", "", ""), 0))
        call = Call(
            reference,
            customer_call_id or known.customer_call_id,
            agent_call_id or known.agent_call_id,
            node or known.node,
        )
        if call == known and now - written_at < _WRITE_AGAIN_MS:
            return
        await self._database.run(
            lambda connection: connection.execute(
                "INSERT INTO calls (reference, customer_call_id, agent_call_id, node, seen_at)"
                " VALUES (:reference, :customer, :agent, :node, :now) ON CONFLICT (reference) DO UPDATE SET"
                " customer_call_id = coalesce(nullif(:customer, ''), customer_call_id),"
                " agent_call_id = coalesce(nullif(:agent, ''), agent_call_id),"
                " node = coalesce(nullif(:node, ''), node), seen_at = :now",
                {
                    "reference": reference,
                    "customer": customer_call_id,
                    "agent": agent_call_id,
                    "node": node,
                    "now": now,
                },
            ),
            flush=flush,
        )
        self._written[reference] = (call, now)
        if len(self._written) > _REMEMBERED:
            self._written.popitem(last=False)

    async def forget_leg(self, reference: str, leg: str) -> None:
        """A leg has ended; the call goes when its last leg has."""
        column = "customer_call_id" if leg == "customer" else "agent_call_id"

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(f"UPDATE calls SET {column} = '' WHERE reference = ?", (reference,))  # noqa: S608 - one of two literals
            connection.execute(
                "DELETE FROM calls WHERE reference = ? AND customer_call_id = '' AND agent_call_id = ''",
                (reference,),
            )

        # Not flushed: a row that a power cut brings back is of a call that has ended, and goes with the old ones.
        await self._database.run(work, flush=False)
        self._written.pop(reference, None)

    async def forget_old_calls(self, *, before: int) -> None:
        """A call whose BYE was never seen must not stay for ever."""
        await self._database.run(
            lambda connection: connection.execute("DELETE FROM calls WHERE seen_at < ?", (before,))
        )
