from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from callseal.desk.scheduler import Scheduler

pytestmark = pytest.mark.unit


class Clock:
    def __init__(self) -> None:
        self.now = 1_000

    def __call__(self) -> int:
        return self.now


def run(
    story: Callable[[Scheduler, Clock, list[tuple[str, int]]], None], tell_fails: int = 0
) -> list[tuple[str, int]]:
    """Let the story arm things, then run until nothing is due; the clock jumps instead of waiting."""
    told: list[tuple[str, int]] = []
    clock = Clock()
    left = tell_fails

    def tell(reference: str, now: int) -> None:
        nonlocal left
        if left:
            left -= 1
            raise OSError("disk")
        told.append((reference, now))

    async def go() -> None:
        scheduler = Scheduler(tell, lambda _now: None, clock)
        story(scheduler, clock, told)
        task = asyncio.create_task(scheduler.run())
        for _ in range(20):
            await asyncio.sleep(0.002)
            clock.now += 500
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(go())
    return told


def test_each_is_told_once_at_its_time_in_order() -> None:
    def story(scheduler: Scheduler, clock: Clock, told: list[tuple[str, int]]) -> None:
        scheduler.arm("b", 1_002)
        scheduler.arm("a", 1_001)

    told = run(story)
    assert [reference for reference, _ in told] == ["a", "b"]
    assert all(now >= 1_001 for _, now in told)


def test_arming_again_replaces_and_none_disarms() -> None:
    def story(scheduler: Scheduler, clock: Clock, told: list[tuple[str, int]]) -> None:
        scheduler.arm("moved", 1_001)
        scheduler.arm("moved", 1_002)
        scheduler.arm("moved", 1_002)
        scheduler.arm("off", 1_001)
        scheduler.arm("off", None)
        scheduler.arm("last", 1_003)

    assert [reference for reference, _ in run(story)] == ["moved", "last"]


def test_a_fault_is_tried_again_and_stops_nobody_else() -> None:
    def story(scheduler: Scheduler, clock: Clock, told: list[tuple[str, int]]) -> None:
        scheduler.arm("a", 1_001)
        scheduler.arm("b", 1_002)

    # The second attempt is a second later by the clock, which is a wait the test does not make: it is armed, that is all.
    told = run(story, tell_fails=1)
    assert [reference for reference, _ in told][:1] == ["b"]


def test_what_is_armed_while_it_sleeps_wakes_it() -> None:
    told: list[str] = []
    clock = Clock()

    async def go() -> None:
        scheduler = Scheduler(lambda reference, _now: told.append(reference), lambda _now: None, clock)
        task = asyncio.create_task(scheduler.run())
        await asyncio.sleep(0.005)
        scheduler.arm("late", clock.now)
        async with asyncio.timeout(1):
            while not told:  # noqa: ASYNC110 - a list has no event
                await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(go())
    assert told == ["late"]


def test_housekeeping_that_fails_does_not_stop_the_clock() -> None:
    told: list[str] = []

    def prune(_now: int) -> None:
        raise OSError("disk")

    async def go() -> None:
        scheduler = Scheduler(lambda reference, _now: told.append(reference), prune, Clock())
        scheduler.arm("a", 0)
        task = asyncio.create_task(scheduler.run())
        async with asyncio.timeout(1):
            while not told:  # noqa: ASYNC110 - a list has no event
                await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(go())
    assert told == ["a"]
