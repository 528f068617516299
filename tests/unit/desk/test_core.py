"""Who hears first: many calls that come together are on the agent's stream before the platform is told of the first of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callseal.desk.core import Desk
from callseal.desk.partners import Partners
from callseal.payments.limits import Limits
from callseal.stores.sqlite import SqliteStore
from tests.support.fresh_session import FRESH, NOW

pytestmark = pytest.mark.unit


class Platform:
    """Notes that it was told."""

    def __init__(self, heard: list[str]) -> None:
        self._heard = heard

    async def annotate(self, **_: Any) -> None:
        self._heard.append("platform")


def test_the_card_hears_of_a_call_before_the_platform_does(tmp_path: Path) -> None:
    heard: list[str] = []
    store = SqliteStore(tmp_path / "desk.sqlite3")
    nobody: Any = None

    async def listen(desk: Desk) -> None:
        with desk.hub.listen() as news:
            await news.wait()
            for item in store.feed_after(0, FRESH.tenant):
                await store.on_disk()
                heard.append(f"card {item.reference[0]}")

    async def story() -> None:
        desk = Desk(
            store=store,
            partners=Partners.alone(nobody),
            edges=nobody,
            platform=Platform(heard),  # type: ignore[arg-type]
            limits=Limits(),
            now_ms=lambda: NOW,
        )
        listening = asyncio.create_task(listen(desk))
        await asyncio.sleep(0)
        with desk.together():
            for letter in "abc":
                desk.hand_off(replace(FRESH, reference=letter * 32, partner_session=letter * 32), None, NOW)
        await listening
        async with asyncio.timeout(5):
            while heard.count("platform") < 3:  # noqa: ASYNC110 - told by tasks of its own
                await asyncio.sleep(0.001)
        await desk.dispatcher.close()

    asyncio.run(story())
    store.close()
    assert heard == ["card a", "card b", "card c", "platform", "platform", "platform"]
