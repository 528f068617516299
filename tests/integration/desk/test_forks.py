"""A device that answered too late hangs up through another edge than the one which knows it: the call is not over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.desk_process import DeskProcess
from tests.support.desk_world import world

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

WINNER, LOSER = "a" * 32, "b" * 32


async def test_the_end_of_a_lost_fork_ends_no_call_by_whichever_edge(here: Any) -> None:
    card = await here.card()
    reference, _ = await here.reach(card, "ready")
    await here.edge.report(reference, "fork_lost", leg="agent", tag=LOSER)
    await here.edge.report(reference, "call_ended", leg="agent", tag=LOSER, edge="edge-2")
    assert (await card.call(reference))["state"] == "ready"
    await here.edge.report(reference, "call_ended", leg="agent", tag=WINNER, edge="edge-2")
    await card.state(reference, "ended")


@pytest.mark.parametrize("lost", [{"leg": "customer", "tag": LOSER}, {"leg": "agent", "tag": ""}])
async def test_what_lost_on_another_leg_or_has_no_name_is_no_loser_here(
    here: Any, lost: dict[str, str]
) -> None:
    """An older edge says no tag: its ends are ends."""
    card = await here.card()
    reference, _ = await here.reach(card, "ready")
    await here.edge.report(reference, "fork_lost", **lost)
    await here.edge.report(reference, "call_ended", leg="agent", tag=lost["tag"])
    await card.state(reference, "ended")


async def test_a_desk_that_was_killed_in_between_still_knows(anyio_backend: str, tmp_path: Path) -> None:
    async with world() as around:
        desk = DeskProcess(tmp_path)
        await desk.start()
        try:
            card = await around.card()
            reference, _ = await around.reach(card, "ready")
            await around.edge.report(reference, "fork_lost", leg="agent", tag=LOSER)
            await desk.kill()
            await desk.start()
            await around.edge.report(reference, "call_ended", leg="agent", tag=LOSER, edge="edge-2")
            assert (await card.call(reference))["state"] == "ready"
            await around.edge.report(reference, "call_ended", leg="agent", tag=WINNER, edge="edge-2")
            await card.state(reference, "ended")
        finally:
            await desk.stop()
