"""One turn of the thread takes all that waits, and nobody who asks is ever left waiting."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from callseal.edge.database import Database

pytestmark = pytest.mark.unit

PATIENCE_S = 20
"""Of a busy machine; one who is forgotten waits for ever."""


def add(name: str) -> Callable[[sqlite3.Connection], object]:
    return lambda connection: connection.execute("INSERT INTO calls VALUES (?, '', '', '', 0)", (name,))


@pytest.fixture(autouse=True)
def threads_change_places_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def kept(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (rows,) = connection.execute("SELECT count(*) FROM calls").fetchone()
        return int(rows)


def test_all_that_waits_is_one_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = 0

    async def story() -> None:
        nonlocal turns
        with Database(tmp_path / "edge.sqlite3") as database:
            gate = threading.Event()
            database._thread.submit(gate.wait, 5)
            submit = database._thread.submit

            def count(*arguments: object) -> object:
                nonlocal turns
                turns += 1
                return submit(*arguments)  # type: ignore[arg-type]

            monkeypatch.setattr(database._thread, "submit", count)
            waiting = asyncio.gather(*(database.run(add(str(n))) for n in range(200)))
            await asyncio.sleep(0)
            gate.set()
            await waiting
            monkeypatch.undo()

    asyncio.run(story())
    assert turns == 1, "more than one transaction holds, and no turn for each"
    assert kept(tmp_path / "edge.sqlite3") == 200


@pytest.mark.parametrize("together", [1, 20])
def test_nobody_is_left_waiting(tmp_path: Path, together: int) -> None:
    """One at a time, every job meets a turn that is about to end; many together, the next ones meet one under way."""
    threads, rounds = 6, 400 // together

    async def ask(database: Database, name: str) -> None:
        chance = random.Random(name)
        for number in range(rounds):
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.gather(
                    *(database.run(add(f"{name}.{number}.{n}"), flush=False) for n in range(together))
                )
            if chance.random() < 0.1:
                await asyncio.sleep(0.001)

    with Database(tmp_path / "edge.sqlite3") as database, ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(asyncio.run, ask(database, str(n))) for n in range(threads)]:
            done.result()
    assert kept(tmp_path / "edge.sqlite3") == threads * rounds * together


class OddError(BaseException):
    pass


class LateLock:
    """A lock after which the state's thread dawdles, so that others come between its looking and its going."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        if threading.current_thread() is not threading.main_thread():
            time.sleep(0.02)


def test_who_comes_while_a_turn_is_about_to_end_is_not_left_waiting(tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        for number in range(10):
            async with asyncio.timeout(PATIENCE_S):
                await database.run(add(str(number)), flush=False)
            await asyncio.sleep(number / 300)

    with Database(tmp_path / "edge.sqlite3") as database:
        database._lock = LateLock()  # type: ignore[assignment]
        asyncio.run(story(database))


def test_those_who_give_up_or_fail_leave_nobody_waiting(tmp_path: Path) -> None:
    def broken(kind: type[BaseException]) -> Callable[[sqlite3.Connection], object]:
        def work(_: sqlite3.Connection) -> object:
            raise kind

        return work

    async def story(database: Database) -> None:
        for turn in range(20):
            hasty = [asyncio.create_task(database.run(add(f"{turn}.{n}"), flush=False)) for n in range(5)]
            failing = [
                asyncio.create_task(database.run(broken(kind), flush=False))
                for kind in (ValueError, StopIteration, OddError)
            ]
            patient = asyncio.create_task(database.run(lambda _: "here", flush=False))
            await asyncio.sleep(0)
            for task in hasty:
                task.cancel()
            database._add(lambda _: None, flush=False).cancel()
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.gather(*hasty, *failing, patient, return_exceptions=True)
                assert await database.run(lambda _: "there") == "there"

    with Database(tmp_path / "edge.sqlite3") as database:
        asyncio.run(story(database))


def test_a_loop_that_has_ended_is_waited_for_by_nobody(tmp_path: Path) -> None:
    gate = threading.Event()

    async def leave(database: Database) -> None:
        database._thread.submit(gate.wait, 5)
        task = asyncio.create_task(database.run(add("left")))
        await asyncio.sleep(0)
        task.cancel()

    async def come(database: Database) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await database.run(add("came"))

    with Database(tmp_path / "edge.sqlite3") as database:
        asyncio.run(leave(database))
        gate.set()
        asyncio.run(come(database))
    assert kept(tmp_path / "edge.sqlite3") == 2


def test_what_is_queued_is_finished_before_the_end_and_who_comes_later_is_told(tmp_path: Path) -> None:
    async def story() -> None:
        database = Database(tmp_path / "edge.sqlite3")
        waiting = [asyncio.create_task(database.run(add(str(n)))) for n in range(100)]
        await asyncio.sleep(0)
        database.close()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*waiting)
            with pytest.raises(RuntimeError, match="is closed"):
                await database.run(add("late"))

    asyncio.run(story())
    assert kept(tmp_path / "edge.sqlite3") == 100
