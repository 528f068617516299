"""Where is a call: the preferred node first, a silent one last, and what silence proves."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from callseal.edge import nodes as module
from callseal.edge.ng_client import NgSilentError
from callseal.edge.nodes import Nodes
from tests.unit.edge.fakes import FakeRtpengine, customer_leg

pytestmark = pytest.mark.unit


def pair() -> tuple[Nodes, FakeRtpengine, FakeRtpengine]:
    one, two = FakeRtpengine(), FakeRtpengine()
    return Nodes({"1": one, "2": two}, "1"), one, two


async def find(nodes: Nodes, **how: Any) -> str | None:
    found = await nodes.find("c.customer", "1", **how)
    return found.node if found else None


def test_the_others_are_asked_when_the_preferred_one_does_not_know() -> None:
    async def story() -> None:
        nodes, one, two = pair()
        two.add("c.customer", *customer_leg())
        assert await find(nodes) == "2"
        one.add("c.customer", *customer_leg())
        two.sent.clear()
        assert await find(nodes) == "1"
        assert two.sent == [], "nobody else is bothered"

    asyncio.run(story())


def test_who_was_silent_a_moment_ago_is_asked_last() -> None:
    async def story() -> None:
        nodes, one, two = pair()
        two.add("c.customer", *customer_leg())
        one.silent = True
        assert await find(nodes) == "2"
        one.sent.clear()
        assert await find(nodes) == "2"
        assert one.sent == [], "not waited for again"
        one.silent = False
        await nodes.uptimes()
        assert await find(nodes) == "2"
        assert one.sent != [], "it answers, so it is preferred again"

    asyncio.run(story())


def test_silence_proves_nothing_until_it_has_lasted(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        nodes, one, _ = pair()
        one.silent = True
        for how in ({}, {"dead_have_none": True}):
            with pytest.raises(NgSilentError):
                await find(nodes, **how)
        monkeypatch.setattr(module, "DEAD_S", 0.0)
        assert await find(nodes, dead_have_none=True) is None
        with pytest.raises(NgSilentError):
            await find(nodes)

    asyncio.run(story())


def test_a_refusal_is_not_death(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        nodes, one, _ = pair()
        one.refuse = {"query"}
        monkeypatch.setattr(module, "DEAD_S", 0.0)
        with pytest.raises(NgSilentError):
            await find(nodes, dead_have_none=True)

    asyncio.run(story())


def test_uptimes() -> None:
    async def story() -> None:
        nodes, one, two = pair()
        one.up, two.silent = 7, True
        assert await nodes.uptimes() == {"1": 7, "2": None}

    asyncio.run(story())
