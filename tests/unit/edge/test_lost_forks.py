"""Whose end it is, where several devices have answered."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from callseal.edge import lost_forks as module
from callseal.edge.database import Database
from callseal.edge.lost_forks import LostForks

pytestmark = pytest.mark.unit


def run(path: Path, *lives: Callable[[LostForks], Awaitable[None]], older_than: int = 0) -> None:
    """Each in a process of its own, as it were."""

    async def told() -> None:
        for live in lives:
            with Database(path / "edge.sqlite3") as database:
                forks = LostForks(database)
                await forks.load(older_than=older_than)
                await live(forks)

    asyncio.run(told())


def rows(path: Path) -> int:
    with Database(path / "edge.sqlite3") as database:

        def count(connection: sqlite3.Connection) -> int:
            return int(connection.execute("SELECT count(*) FROM lost_forks").fetchone()[0])

        return asyncio.run(database.run(count))


async def two_lose(forks: LostForks) -> None:
    await forks.lost("r", "agent", "a", now=1)
    await forks.lost("r", "agent", "b", now=2)


async def both_are_known(forks: LostForks) -> None:
    assert forks.has_lost("r", "agent", "a")
    assert forks.has_lost("r", "agent", "b")
    assert not forks.has_lost("r", "agent", "c")
    assert not forks.has_lost("r", "customer", "a")


async def the_leg_ends(forks: LostForks) -> None:
    await forks.ended("r", "agent")


async def none_is_known(forks: LostForks) -> None:
    assert not forks.has_lost("r", "agent", "a")
    assert not forks.has_lost("r", "agent", "b")


def test_a_loser_is_known_by_its_leg_and_tag_until_the_leg_is_over(tmp_path: Path) -> None:
    async def life(forks: LostForks) -> None:
        await two_lose(forks)
        await both_are_known(forks)
        await the_leg_ends(forks)
        await none_is_known(forks)

    run(tmp_path, life)


def test_a_restart_forgets_no_loser_and_brings_none_back(tmp_path: Path) -> None:
    run(tmp_path, two_lose, both_are_known, the_leg_ends, none_is_known)
    assert rows(tmp_path) == 0


def test_a_leg_whose_end_was_never_seen_is_forgotten_some_time(tmp_path: Path) -> None:
    run(tmp_path, two_lose)
    run(tmp_path, both_are_known, older_than=2)
    run(tmp_path, none_is_known, older_than=3)
    assert rows(tmp_path) == 0


def test_without_a_tag_nobody_has_lost(tmp_path: Path) -> None:
    """Or the end of any device would be that of a loser."""

    async def life(forks: LostForks) -> None:
        await forks.lost("r", "agent", "", now=1)
        assert not forks.has_lost("r", "agent", "")

    run(tmp_path, life)
    assert rows(tmp_path) == 0


def test_the_oldest_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REMEMBERED", 10)

    async def life(forks: LostForks) -> None:
        for number in range(11):
            await forks.lost(str(number), "agent", "a", now=number)
        for number in range(33):
            await forks.lost("10", "agent", f"tag {number}", now=11)

    async def known(forks: LostForks) -> None:
        assert not forks.has_lost("0", "agent", "a")
        assert forks.has_lost("1", "agent", "a")
        assert not forks.has_lost("10", "agent", "tag 0")
        assert forks.has_lost("10", "agent", "tag 1")

    async def life_and_known(forks: LostForks) -> None:
        await life(forks)
        await known(forks)

    run(tmp_path, life_and_known, known)
    assert rows(tmp_path) == 10
