"""Delivery: at least once, in order, with back-off, and only the desk's 2xx counts."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from callseal.edge.courier import BATCH, MOST, PATHS, Courier, _fitting
from callseal.edge.database import Database
from callseal.edge.spool import Parcel, Spool
from tests.support.http_double import NO_ANSWER, NOT_SENT, HttpDouble
from tests.unit.edge.fakes import REFERENCE, TOKEN, settings

pytestmark = pytest.mark.unit

OTHER = "e" * 32


class Desk:
    """Answers by script: for each idempotency key a list of statuses or exceptions, then 204."""

    def __init__(self, script: dict[str, list[int | Exception]] | None = None) -> None:
        self.script = script or {}
        self.requests: list[tuple[str, str, dict[str, Any]]] = []
        self.authorisation: set[str] = set()
        self.batches: list[list[str]] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.authorisation.add(request.headers["authorization"])
        body = json.loads(request.content)
        if request.url.path != BATCH:
            return self._answer(request.url.path, request.headers["idempotency-key"], body)
        self.batches.append([row["key"] for row in body["parcels"]])
        rows = [self._answer(PATHS[row["kind"]], row["key"], row["body"]) for row in body["parcels"]]
        return httpx2.Response(200, json={"statuses": [row.status_code for row in rows]})

    def _answer(self, path: str, key: str, body: dict[str, Any]) -> httpx2.Response:
        self.requests.append((path, key, body))
        answers = self.script.get(key)
        answer = answers.pop(0) if answers else 204
        if isinstance(answer, Exception):
            raise answer
        return httpx2.Response(answer)

    @property
    def keys(self) -> list[str]:
        return [key for _, key, _ in self.requests]


def deliver(
    folder: Path, desk: Desk, queue: list[tuple[str, str, str]], until: Callable[[], bool], **changes: Any
) -> int:
    """Queue (reference, kind, key) rows, run the courier until `until()`, return how many rows are left."""

    async def run() -> int:
        with Database(folder / "edge.sqlite3") as database:
            spool = Spool(database)
            courier = Courier(
                spool,
                HttpDouble(desk),
                settings(folder / "unused", **changes),
                now_ms=lambda: time.time_ns() // 1_000_000,
                jitter=lambda: 0.5,
            )
            task = asyncio.create_task(courier.run())
            now = time.time_ns() // 1_000_000
            for reference, kind, key in queue:
                body = {"key": key, "token": TOKEN} if kind == "handoff" else {"key": key}
                await spool.put(
                    reference=reference,
                    kind=kind,  # type: ignore[arg-type]  # one of the two kinds
                    idempotency_key=key,
                    body=body,
                    now=now,
                )
            async with asyncio.timeout(5):
                while not until():  # noqa: ASYNC110 - a test may poll
                    await asyncio.sleep(0.002)
            await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return (await spool.depth()).rows

    return asyncio.run(run())


def test_paths_key_and_bearer(tmp_path: Path) -> None:
    desk = Desk()
    queue = [(REFERENCE, "handoff", REFERENCE), (REFERENCE, "event", "01EVENT")]
    assert deliver(tmp_path, desk, queue, lambda: len(desk.requests) == 2) == 0
    assert desk.requests == [
        ("/v1/edge/handoffs", REFERENCE, {"key": REFERENCE, "token": TOKEN}),
        ("/v1/edge/events", "01EVENT", {"key": "01EVENT"}),
    ]
    assert desk.authorisation == {"Bearer an edge secret for tests"}


def test_a_failing_head_is_retried_before_what_follows(tmp_path: Path) -> None:
    desk = Desk({REFERENCE: [500, 409, NOT_SENT, NO_ANSWER]})
    queue = [(REFERENCE, "handoff", REFERENCE), (REFERENCE, "event", "e1"), (OTHER, "event", "e2")]
    assert deliver(tmp_path, desk, queue, lambda: len(desk.requests) == 7) == 0
    mine = [key for key in desk.keys if key != "e2"]
    assert mine == [REFERENCE] * 5 + ["e1"]
    assert desk.keys.index("e2") < 3, "another call waited for this one"


@pytest.mark.parametrize("status", [302, 400, 401, 404, 409, 422, 429, 500, 503])
def test_anything_but_2xx_is_retried(tmp_path: Path, status: int) -> None:
    desk = Desk({"e1": [status]})
    assert deliver(tmp_path, desk, [(REFERENCE, "event", "e1")], lambda: len(desk.requests) == 2) == 0


def test_a_desk_that_stays_away_loses_nothing(tmp_path: Path) -> None:
    desk = Desk({"e1": [NOT_SENT] * 1000})
    assert deliver(tmp_path, desk, [(REFERENCE, "event", "e1")], lambda: len(desk.requests) >= 4) == 1


def test_back_off_grows_and_is_bounded(tmp_path: Path) -> None:
    plain = settings(tmp_path, retry_first_ms=200, retry_limit_ms=15_000)
    with Database(tmp_path / "edge.sqlite3") as database:
        spool = Spool(database)
        http = HttpDouble(Desk())
        real = Courier(spool, http, plain, now_ms=lambda: 0, jitter=lambda: 0.0)
        late = Courier(spool, http, plain, now_ms=lambda: 0, jitter=lambda: 1.0)
        assert [real._pause(attempts) for attempts in (0, 1, 2, 6, 7, 50)] == [
            200,
            400,
            800,
            12_800,
            15_000,
            15_000,
        ]
        assert late._pause(50) == 18_750


def test_the_return_of_the_desk_ends_the_back_off(tmp_path: Path) -> None:
    """e1 would wait a quarter of an hour; that e2 got through shows that the desk is back."""
    desk = Desk({"e1": [NOT_SENT], "e2": [NOT_SENT] * 2})
    queue = [(REFERENCE, "event", "e1"), (OTHER, "event", "e2")]

    with pytest.MonkeyPatch.context() as patch:
        seen: list[int] = []

        def quick_for_the_second(self: Courier, attempts: int) -> int:
            seen.append(attempts)
            return 900_000 if len(seen) == 1 else 1

        patch.setattr(Courier, "_pause", quick_for_the_second)
        assert deliver(tmp_path, desk, queue, lambda: len(desk.requests) >= 5) == 0


def test_a_row_the_desk_dislikes_does_not_hurry_itself(tmp_path: Path) -> None:
    desk = Desk({"bad": [422] * 1000})
    queue = [(REFERENCE, "event", "bad"), *((OTHER, "event", f"e{n}") for n in range(20))]
    deliver(tmp_path, desk, queue, lambda: "e19" in desk.keys, retry_first_ms=60_000, retry_limit_ms=60_000)
    assert desk.keys.count("bad") == 1


def test_old_rows_are_dropped(tmp_path: Path) -> None:
    desk = Desk({"e1": [500] * 1000})
    assert deliver(tmp_path, desk, [], lambda: True) == 0

    async def put_old() -> None:
        with Database(tmp_path / "edge.sqlite3") as database:
            await Spool(database).put(reference=REFERENCE, kind="event", idempotency_key="e1", body={}, now=1)

    asyncio.run(put_old())
    assert deliver(tmp_path, desk, [], lambda: True) == 0


def test_what_has_gathered_goes_together_and_in_order(tmp_path: Path) -> None:
    """One head of each call, oldest first; the follower of a call waits for its head, a refused row for nobody but its call."""
    desk = Desk({"0" * 32: [409]})
    names = [f"{number:032x}" for number in range(MOST + 4)]
    queue = [(name, "handoff", name) for name in names] + [(names[1], "event", "follower")]
    assert deliver(tmp_path, desk, queue, lambda: len(desk.keys) >= len(queue) + 1) == 0
    assert max(map(len, desk.batches)) > 1
    assert max(map(len, desk.batches)) <= MOST
    assert desk.keys.count(names[0]) == 2
    assert desk.keys.index("follower") > desk.keys.index(names[1])


def test_one_request_is_never_larger_than_the_desk_takes() -> None:
    parcels = [Parcel(n, str(n), "event", str(n), {"text": "x" * 20_000}, 0, 0) for n in range(4)]
    assert [len(_fitting(parcels[:count])) for count in (1, 2, 3, 4)] == [1, 2, 2, 2]
    assert len(_fitting([Parcel(1, "1", "event", "1", {"text": "x" * 99_000}, 0, 0)])) == 1


@pytest.mark.parametrize("answer", [{}, {"statuses": [204]}, {"statuses": "many"}])
def test_an_answer_that_does_not_fit_delivers_nothing(tmp_path: Path, answer: dict[str, Any]) -> None:
    asked = []

    def odd(request: httpx2.Request) -> httpx2.Response:
        if request.url.path != BATCH:
            return httpx2.Response(500)
        asked.append(request)
        return httpx2.Response(200, json=answer)

    queue = [(f"{number:032x}", "event", str(number)) for number in range(3)]
    assert deliver(tmp_path, odd, queue, lambda: len(asked) > 0) == 3  # type: ignore[arg-type]  # any transport
