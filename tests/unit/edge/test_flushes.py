"""How often the edge agent waits for the disk: every flush stands in the way of the next call's hand-off."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from callseal.edge.database import Database
from callseal.edge.journal import Journal
from callseal.edge.spool import Spool

pytestmark = pytest.mark.unit

REFERENCE = "a" * 32


class Disk:
    """Counts instead of writing."""

    def __init__(self) -> None:
        self.flushes: list[bool] = []

    async def run(self, work: object, *, flush: bool = True) -> Any:
        self.flushes.append(flush)
        return True


def test_a_hand_off_waits_once_and_the_end_of_a_leg_does_not_wait_to_be_forgotten() -> None:
    disk = Disk()
    journal, spool = Journal(cast("Database", disk)), Spool(cast("Database", disk))

    async def call() -> None:
        await journal.note_handoff(REFERENCE, node="1", now=0, customer_call_id="c", agent_call_id="a")
        await spool.put(reference=REFERENCE, kind="handoff", idempotency_key=REFERENCE, body={}, now=0)
        assert disk.flushes == [False, True], "the flush of the second takes both to the disk"
        await journal.forget_leg(REFERENCE, "customer")
        assert disk.flushes[2:] == [False]
        await journal.note_call(REFERENCE, node="1", now=0, customer_call_id="d")
        assert disk.flushes[3:] == [True], "on its own it is waited for"

    asyncio.run(call())
