"""The spool: on the disk, in order, and without a trace of a token that is no longer needed."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from callseal.edge.database import Database
from callseal.edge.spool import Spool
from callseal.edge.state_file import MIGRATIONS, StateTooNewError
from tests.unit.edge.fakes import REFERENCE, TOKEN

pytestmark = pytest.mark.unit

T = TypeVar("T")
OTHER = "f" * 32


def with_spool(folder: Path, story: Callable[[Spool], Awaitable[T]]) -> T:
    async def run() -> T:
        with Database(folder / "state" / "edge.sqlite3") as database:
            return await story(Spool(database))

    return asyncio.run(run())


async def put_handoff(spool: Spool, reference: str = REFERENCE, now: int = 100) -> bool:
    body = {"reference": reference, "token": TOKEN, "reason": ""}
    return await spool.put(reference=reference, kind="handoff", idempotency_key=reference, body=body, now=now)


async def put_event(
    spool: Spool, key: str, reference: str = REFERENCE, now: int = 100, patience_ms: int = 0
) -> bool:
    return await spool.put(
        reference=reference,
        kind="event",
        idempotency_key=key,
        body={"event_id": key},
        now=now,
        patience_ms=patience_ms,
    )


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted((folder / "state").iterdir()))


def test_what_has_patience_lets_younger_calls_go_first_and_not_for_ever(tmp_path: Path) -> None:
    async def story(spool: Spool) -> None:
        await put_event(spool, "end", "a" * 32, now=1_000, patience_ms=1_000)
        await put_handoff(spool, "b" * 32, now=1_999)
        await put_handoff(spool, "c" * 32, now=2_001)
        due = await spool.due(now=3_000, busy=(), limit=9)
        assert [parcel.reference[0] for parcel in due] == ["b", "a", "c"]

    with_spool(tmp_path, story)


def test_patience_changes_nothing_within_a_call(tmp_path: Path) -> None:
    async def story(spool: Spool) -> None:
        await put_event(spool, "first", now=1_000, patience_ms=1_000)
        await put_event(spool, "second", now=1_001)
        due = await spool.due(now=3_000, busy=(), limit=9)
        assert [parcel.idempotency_key for parcel in due] == ["first"]

    with_spool(tmp_path, story)


def test_files_are_the_owners_only(tmp_path: Path) -> None:
    async def story(spool: Spool) -> None:
        await put_handoff(spool)
        files = list((tmp_path / "state").iterdir())
        assert len(files) >= 2  # the log is there too
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}

    with_spool(tmp_path, story)
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_a_lax_mode_is_tightened(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "edge.sqlite3").touch(mode=0o644)
    with_spool(tmp_path, put_handoff)
    assert stat.S_IMODE((tmp_path / "state" / "edge.sqlite3").stat().st_mode) == 0o600


def test_every_commit_is_flushed(tmp_path: Path) -> None:
    async def story(_: Spool) -> None:
        pass

    with_spool(tmp_path, story)
    with Database(tmp_path / "state" / "edge.sqlite3") as database:
        pragmas = asyncio.run(
            database.run(
                lambda connection: {
                    name: connection.execute(f"PRAGMA {name}").fetchone()[0]
                    for name in ("journal_mode", "synchronous", "secure_delete", "user_version")
                }
            )
        )
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "secure_delete": 1,
        "user_version": len(MIGRATIONS),
    }


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    with Database(tmp_path / "edge.sqlite3") as database:
        asyncio.run(database.run(lambda connection: None))
        database._thread.submit(database._connection.execute, "PRAGMA user_version=99").result()
    with pytest.raises(StateTooNewError, match="newer"):
        Database(tmp_path / "edge.sqlite3")


def test_order_within_a_reference_and_not_across(tmp_path: Path) -> None:
    async def story(spool: Spool) -> None:
        await put_handoff(spool)
        await put_event(spool, "e1")
        await put_event(spool, "e2", OTHER)
        heads = await spool.due(now=100, busy=(), limit=9)
        assert [head.idempotency_key for head in heads] == [REFERENCE, "e2"]
        assert [head.idempotency_key for head in await spool.due(now=100, busy=[OTHER], limit=9)] == [
            REFERENCE
        ]
        await spool.failed(heads[0], retry_at=500)
        assert [head.idempotency_key for head in await spool.due(now=100, busy=(), limit=9)] == ["e2"]
        assert await spool.next_due(busy=[OTHER]) == 500
        again = (await spool.due(now=500, busy=[OTHER], limit=9))[0]
        assert again.attempts == 1
        await spool.delivered(again)
        assert [head.idempotency_key for head in await spool.due(now=500, busy=[OTHER], limit=9)] == ["e1"]

    with_spool(tmp_path, story)


def test_a_key_is_queued_once(tmp_path: Path) -> None:
    async def story(spool: Spool) -> None:
        assert await put_handoff(spool)
        assert not await put_handoff(spool)
        assert (await spool.depth()).rows == 1

    with_spool(tmp_path, story)


def test_rows_survive_the_process(tmp_path: Path) -> None:
    with_spool(tmp_path, put_handoff)

    async def story(spool: Spool) -> None:
        (parcel,) = await spool.due(now=100, busy=(), limit=9)
        assert parcel.body["token"] == TOKEN
        assert TOKEN not in repr(parcel)

    with_spool(tmp_path, story)


@pytest.mark.parametrize("way", ["delivered", "call ended", "too old"])
def test_no_trace_of_the_token_stays(tmp_path: Path, way: str) -> None:
    async def story(spool: Spool) -> None:
        await put_event(spool, "e1", OTHER, now=10**6)
        await put_handoff(spool)
        assert TOKEN.encode() in on_disk(tmp_path)  # the check can see it
        if way == "delivered":
            parcel = next(
                head for head in await spool.due(now=10**6, busy=(), limit=9) if head.kind == "handoff"
            )
            await spool.delivered(parcel)
            await asyncio.sleep(0.3)  # deliveries within 0.2 s are forgotten together
        elif way == "call ended":
            assert await spool.drop_token(REFERENCE)
        else:
            assert await spool.expire(before=200) == 1
        assert TOKEN.encode() not in on_disk(tmp_path)

    with_spool(tmp_path, story)


def test_a_call_that_ended_undelivered_is_still_told(tmp_path: Path) -> None:
    async def story(spool: Spool) -> None:
        await put_handoff(spool)
        assert await spool.drop_token(REFERENCE)
        assert not await spool.drop_token(REFERENCE)
        assert not await spool.drop_token(OTHER)
        (parcel,) = await spool.due(now=100, busy=(), limit=9)
        assert parcel.body == {"reference": REFERENCE, "token": "", "reason": "no_token"}

    with_spool(tmp_path, story)


def test_depth_and_haste(tmp_path: Path) -> None:
    async def story(spool: Spool) -> None:
        assert (await spool.depth()).oldest_at is None
        await put_event(spool, "e1", now=70)
        await put_event(spool, "e2", OTHER, now=90)
        assert await spool.depth() == await spool.depth()
        assert ((await spool.depth()).rows, (await spool.depth()).oldest_at) == (2, 70)
        for head in await spool.due(now=100, busy=(), limit=9):
            await spool.failed(head, retry_at=10**9)
        assert await spool.due(now=100, busy=(), limit=9) == []
        woken: list[int] = []
        spool.on_change = lambda: woken.append(1)
        await spool.hasten()
        assert len(await spool.due(now=100, busy=(), limit=9)) == 2
        assert woken

    with_spool(tmp_path, story)


def test_what_a_killed_process_had_no_time_to_forget_is_gone_at_the_next_start(tmp_path: Path) -> None:
    async def killed() -> None:
        database = Database(tmp_path / "state" / "edge.sqlite3")
        spool = Spool(database)
        await put_handoff(spool)
        (parcel,) = await spool.due(now=10**6, busy=(), limit=9)
        await spool.delivered(parcel)
        log = tmp_path / "state" / "edge.sqlite3-wal"
        kept = log.read_bytes()
        database.close()  # tidies up, as a kill does not
        log.write_bytes(kept)

    asyncio.run(killed())
    assert TOKEN.encode() in on_disk(tmp_path)

    async def again(_: Spool) -> None:
        assert TOKEN.encode() not in on_disk(tmp_path)

    with_spool(tmp_path, again)
