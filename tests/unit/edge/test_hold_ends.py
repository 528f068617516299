"""How a hold ends by itself: in time, after a restart, half way, and not while rtpengine is silent."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.unit.edge.fakes import HOME, PARTNER, REFERENCE, Clock
from tests.unit.edge.harness import Bench, on_bench
from tests.unit.edge.holding import call, carrier, expire_once, know_both_legs, stopped

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(("customer_at", "agent_at"), [(HOME, HOME), (PARTNER, PARTNER), (PARTNER, HOME)])
def test_a_restarted_agent_ends_the_hold(tmp_path: Path, customer_at: str, agent_at: str) -> None:
    clock = Clock()

    async def before(bench: Bench) -> None:
        call(bench)
        await know_both_legs(bench)
        await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)

    async def after(bench: Bench) -> None:
        call(bench, customer_at, agent_at)
        carrier(bench).dtmf_blocked = carrier(bench).media_blocked = True
        await bench.holds.load()
        assert bench.holds.is_held(REFERENCE)
        await expire_once(bench)
        assert stopped(bench) == (False, False)
        assert not bench.holds.is_held(REFERENCE)
        (event,) = await bench.events()
        assert (event["kind"], event["leg"]) == ("hold_expired", "customer")
        assert event["where"] == ("home" if customer_at == HOME else "partner")
        assert event["evidence"]["held"] is False

    on_bench(tmp_path, before, clock)
    on_bench(tmp_path, after, clock)


def test_a_hold_in_time_is_left_alone(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        call(bench)
        await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)
        bench.clock.now += 4_999
        task = asyncio.create_task(bench.holds.run())
        await asyncio.sleep(0.05)
        task.cancel()
        assert stopped(bench) == (True, True)

    on_bench(tmp_path, story)


def test_half_way_keeps_the_hold_then_the_digits_then_nothing(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        call(bench, HOME, PARTNER)
        await know_both_legs(bench)
        await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)
        started = bench.clock()
        while bench.clock() < started + 60_000:
            await expire_once(bench)
            assert stopped(bench) == (True, True)
            assert await bench.events() == []
        while carrier(bench).media_blocked:
            await expire_once(bench)
        assert started + 65_000 <= bench.clock() <= started + 67_000
        assert stopped(bench) == (True, False)
        (event,) = await bench.events()
        assert (event["kind"], event["evidence"]["held"]) == ("hold_expired", True)
        assert [hold.media for hold in await bench.journal.holds()] == [False]
        await bench.holds.load()  # as after a restart
        await expire_once(bench)
        assert await bench.events() == [], "the same news twice"
        bench.ng.calls["a.agent"].labelled("partner").address = HOME
        await expire_once(bench)
        assert stopped(bench) == (False, False)
        (event,) = await bench.events()
        assert event["evidence"]["held"] is False

    on_bench(tmp_path, story)


def test_an_unknown_agent_leg_is_half_way_too(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        call(bench)
        await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)
        await expire_once(bench)
        assert stopped(bench) == (True, True)

    on_bench(tmp_path, story)


def test_a_leg_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        call(bench)
        await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)
        bench.ng.calls.clear()
        await expire_once(bench)
        assert await bench.journal.holds() == []

    on_bench(tmp_path, story)


def test_a_silent_rtpengine_is_asked_again(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        call(bench)
        await know_both_legs(bench)
        await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)
        bench.ng.silent = True
        await expire_once(bench)
        bench.ng.silent = False
        bench.ng.refuse = {"unblock DTMF"}
        await expire_once(bench)
        assert bench.holds.is_held(REFERENCE)
        bench.ng.refuse = set()
        await expire_once(bench)
        assert stopped(bench) == (False, False)

    on_bench(tmp_path, story)


def test_a_leg_that_moves_while_it_is_lifted_is_stopped_again(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        call(bench, PARTNER, PARTNER)
        await know_both_legs(bench)
        await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)

        def comes_home() -> None:
            bench.ng.calls["c.customer"].labelled("partner").address = HOME

        bench.ng.after["unblock DTMF"] = comes_home
        await expire_once(bench)
        assert stopped(bench) == (True, True)
        assert bench.holds.is_held(REFERENCE)
        assert await bench.events() == []

    on_bench(tmp_path, story)
