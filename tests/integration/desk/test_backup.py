"""`callseal backup` beside a running desk, and a desk that starts on the copy when the first one is lost."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from callseal.stores.sqlite.records import record_in
from tests.support.desk_process import DeskProcess
from tests.support.desk_world import World, world

pytestmark = [pytest.mark.integration, pytest.mark.anyio]


@pytest.fixture
async def around(anyio_backend: str) -> AsyncIterator[World]:
    async with world() as made:
        yield made


async def back_up(desk: DeskProcess) -> tuple[Path, str]:
    """The command as an operator types it: the copy, and what was said."""
    folder = desk.root / "backups"
    argv = [sys.executable, "-m", "callseal.cli.main", "backup", str(folder), str(desk.config)]
    done = await asyncio.to_thread(subprocess.run, argv, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    (copy,) = folder.iterdir()
    return copy, done.stdout


def octets(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())


async def test_a_desk_that_is_lost_comes_back_from_its_copy(around: World, tmp_path: Path) -> None:
    """A call that is secured, one whose charge is on its way, one that was paid and is over; then the machine is gone. The new desk
    charges nobody, asks about what was open, and takes what an edge still had for it."""
    first = DeskProcess(_folder(tmp_path / "first"))
    await first.start()
    card = await around.card()
    paid, paid_token = await around.reach(card, "approved")
    await around.edge.bye(paid, "customer")
    await card.state(paid, "ended")
    secured, token = await around.reach(card, "secured")
    charging, charging_token = await around.reach(card, "authorising")
    copy, said = await back_up(first)
    assert "3 calls; no token of a call is in it" in said
    assert "2 of them under way now" in said
    assert "1 with a charge whose outcome is open" in said
    live = octets(first.root / "state")
    for one in (token, charging_token):
        assert one.encode() in live, "the scan can find it"
        assert one.encode() not in copy.read_bytes()
    assert paid_token.encode() not in live + copy.read_bytes()
    keys = [key for verb, key, _ in around.partner.calls if verb == "charge"]
    await first.kill()
    shutil.rmtree(first.root / "state")  # with the machine

    second = DeskProcess(_folder(tmp_path / "second"))
    (second.root / "state").mkdir(mode=0o700)
    shutil.copy(copy, second.root / "state" / "desk.sqlite3")
    around.partner.settle(keys[-1], "approved")
    await second.start()
    try:
        card = await around.card()
        await _approved(second, charging)
        assert [key for verb, key, _ in around.partner.calls if verb == "charge"] == keys, (
            "never charged again"
        )
        assert (record_in(second.root / "state/desk.sqlite3", paid) or {})["charges"][0][
            "outcome"
        ] == "approved"
        # What was under way goes on without payments, whatever edge and partner still say of it.
        again = await around.edge.hand_off(secured, token)
        await around.edge.report(secured, "leg_moved", leg="agent", where="partner")
        assert again.status_code == 204
        assert (await card.press(secured, "secure")).status_code in (404, 409, 410)
        assert token.encode() not in octets(second.root / "state")
        await around.edge.bye(secured, "customer")
        # A hand-off that waited at an edge is a call like any other.
        await around.edge.move(secured, "agent", "home")
        await around.edge.move(secured, "customer", "home")
        newer, _ = await around.reach(card, "secured")
        assert (await card.call(newer))["evidence"]["fence"] is True
    finally:
        assert await second.stop() == 0
    log = second.log.read_text()
    assert "Traceback" not in log, log


async def _approved(desk: DeskProcess, reference: str) -> None:
    async with asyncio.timeout(10):
        while True:
            record: dict[str, Any] = record_in(desk.root / "state/desk.sqlite3", reference) or {}
            (charge,) = record["charges"]
            if charge["outcome"] == "approved":
                assert charge["authorisation_code"] == "A1B2C3"
                return
            await asyncio.sleep(0.05)


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


async def test_what_cannot_be_copied_is_said_in_a_sentence(around: World, tmp_path: Path) -> None:
    desk = DeskProcess(tmp_path)  # never started: there is no store
    argv = [sys.executable, "-m", "callseal.cli.main", "backup", str(tmp_path / "b"), str(desk.config)]
    done = await asyncio.to_thread(subprocess.run, argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "desk.sqlite3 cannot be copied" in done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "b").iterdir()) == []
