"""When what was written is on the disk: one flush for all who wait, nobody is told too early, and a failed one is not forgotten."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from callseal.payments.ports import Change, StoreUnavailable
from callseal.stores.log import log_file
from callseal.stores.sqlite import SqliteStore
from callseal.stores.sqlite.flusher import Flusher
from tests.support.fresh_session import FRESH, LOG, NOW

pytestmark = pytest.mark.unit


class Disk:
    """Flushes when it is let; counts them. `broken`: says that it could not."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.begun = 0
        self.broken = False
        self.threads: list[threading.Thread] = []

    def flush(self, _file: int) -> None:
        self.begun += 1
        self.threads.append(threading.current_thread())
        assert self.open.wait(5)
        if self.broken:
            raise OSError(5, "Input/output error")


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def flusher(tmp_path: Path, disk: Disk) -> Iterator[Flusher]:
    (tmp_path / "log").touch()
    made = Flusher(tmp_path / "log", disk.flush)
    yield made
    disk.open.set()
    made.close()


def test_what_gathers_while_a_flush_is_under_way_shares_the_next(flusher: Flusher, disk: Disk) -> None:
    async def story() -> None:
        disk.open.clear()
        flusher.wrote()
        first = asyncio.create_task(flusher.on_disk())
        while not disk.begun:  # noqa: ASYNC110 - looked at from outside
            await asyncio.sleep(0.001)
        others = []
        for _ in range(10):
            flusher.wrote()
            others.append(asyncio.create_task(flusher.on_disk()))
        await asyncio.sleep(0.01)
        assert not first.done()
        disk.open.set()
        await first
        await asyncio.gather(*others)

    asyncio.run(story())
    assert disk.begun == 2, (
        "a flush that has begun says nothing about what came later; one more takes all of it"
    )


def test_who_wrote_nothing_waits_for_nothing(flusher: Flusher, disk: Disk) -> None:
    asyncio.run(flusher.on_disk())
    assert disk.begun == 0


def test_what_nobody_asks_for_is_flushed_soon(flusher: Flusher, disk: Disk) -> None:
    async def story() -> None:
        for _ in range(3):
            flusher.wrote()
        assert disk.begun == 0
        async with asyncio.timeout(2):
            while not disk.begun:  # noqa: ASYNC110 - looked at from outside
                await asyncio.sleep(0.005)

    asyncio.run(story())
    assert disk.begun == 1


def test_a_slow_disk_is_waited_for_in_a_thread_and_a_quick_one_on_the_spot(
    tmp_path: Path, disk: Disk
) -> None:
    (tmp_path / "log").touch()
    times = iter([0.0, 0.0005, 1.0, 1.0005, 2.0, 2.1, 3.0, 3.0005, 4.0, 4.0005])
    flusher = Flusher(tmp_path / "log", disk.flush, lambda: next(times))

    async def story() -> None:
        for _ in range(5):
            flusher.wrote()
            await flusher.on_disk()

    asyncio.run(story())
    flusher.close()
    here = [thread is threading.main_thread() for thread in disk.threads]
    assert here == [False, True, True, False, True], (
        "the third was slow: the next one does not hold up the loop"
    )


def test_on_a_quick_disk_who_asks_first_flushes_for_all_and_nobody_waits_a_turn(
    tmp_path: Path, disk: Disk
) -> None:
    (tmp_path / "log").touch()
    flusher = Flusher(tmp_path / "log", disk.flush, lambda: 0.0)

    async def story() -> None:
        flusher.wrote()
        await flusher.on_disk()
        assert disk.begun == 1
        for _ in range(10):
            flusher.wrote()
        passed: list[bool] = []
        asyncio.get_running_loop().call_soon(passed.append, True)
        for _ in range(10):
            await flusher.on_disk()
        assert not passed, "a turn of a busy loop is longer than the flush"

    asyncio.run(story())
    flusher.close()
    assert disk.begun == 2


def test_a_loop_that_is_late_does_not_make_the_disk_slow(flusher: Flusher, disk: Disk) -> None:
    async def story() -> None:
        flusher.wrote()
        waiting = asyncio.create_task(flusher.on_disk())
        while not disk.begun:  # noqa: ASYNC110 - looked at from outside
            await asyncio.sleep(0)
        time.sleep(0.05)  # noqa: ASYNC251 - other calls' work
        await waiting
        flusher.wrote()
        await flusher.on_disk()

    asyncio.run(story())
    assert disk.threads[1] is threading.main_thread()


def test_without_an_event_loop_it_is_flushed_at_once(flusher: Flusher, disk: Disk) -> None:
    flusher.wrote()
    assert disk.begun == 1


def test_who_gives_up_takes_the_flush_from_nobody(flusher: Flusher, disk: Disk) -> None:
    async def story() -> None:
        disk.open.clear()
        flusher.wrote()
        hasty, patient = (asyncio.create_task(flusher.on_disk()) for _ in range(2))
        await asyncio.sleep(0.01)
        hasty.cancel()
        await asyncio.sleep(0)
        disk.open.set()
        await patient

    asyncio.run(story())
    assert disk.begun == 1


def test_after_a_flush_that_failed_nothing_is_said_to_be_on_the_disk(flusher: Flusher, disk: Disk) -> None:
    async def story() -> None:
        disk.broken = True
        flusher.wrote()
        with pytest.raises(StoreUnavailable):
            await flusher.on_disk()
        disk.broken = False  # the kernel forgets what it could not write, and the next flush succeeds
        flusher.wrote()
        with pytest.raises(StoreUnavailable):
            await flusher.on_disk()

    asyncio.run(story())
    assert disk.begun == 1


def test_a_flush_that_was_about_to_begin_leaves_a_closed_file_alone(tmp_path: Path) -> None:
    flushed: list[int] = []
    (tmp_path / "log").touch()
    flusher = Flusher(tmp_path / "log", flushed.append, itertools.count().__next__)  # a slow disk

    async def story() -> None:
        flusher.wrote()
        await flusher.on_disk()
        flusher.wrote()
        waiting = asyncio.create_task(flusher.on_disk())
        while flusher._under_way is None:  # noqa: ASYNC110 - a turn at a time
            await asyncio.sleep(0)
        flusher.close()
        await waiting
        assert len(flushed) == 2, "close has flushed what was left, and nobody after it"
        flusher.wrote()
        async with asyncio.timeout(2):
            with pytest.raises(StoreUnavailable):
                await flusher.on_disk()

    asyncio.run(story())
    assert len(flushed) == 2
    assert not flusher.failed


def test_a_store_whose_flush_failed_takes_no_write_and_is_not_healthy(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "desk.sqlite3")
    store.commit(Change(FRESH, NOW, LOG))
    store._file.flusher.failed = True
    assert not store.healthy()
    with pytest.raises(StoreUnavailable):
        store.commit(Change(FRESH, NOW, LOG))
    with pytest.raises(StoreUnavailable):
        store.drop_pending(1)
    assert len(store.history(FRESH.reference)) == 1
    store.close()


def test_a_commit_is_flushed_into_the_log_that_sqlite_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that is flushed is the one that the commit was written to."""
    path = tmp_path / "desk.sqlite3"
    flushed: list[str] = []

    def seen(descriptor: int) -> None:
        flushed.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))

    store = SqliteStore(path)
    monkeypatch.setattr(store._file.flusher, "_flush", seen)
    before = log_file(path).stat().st_size
    store.commit(Change(FRESH, NOW, LOG))
    assert flushed == [str(log_file(path))]
    assert log_file(path).stat().st_size > before
    store.close()
