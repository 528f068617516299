"""The desk as its own process, killed in the middle of a call and started again."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.desk_files import forgotten
from tests.support.desk_places import DESK_URL
from tests.support.desk_process import DeskProcess
from tests.support.desk_world import World, world

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

COVERED = ("secured", "capturing", "captured")


@pytest.fixture
async def around(anyio_backend: str) -> AsyncIterator[World]:
    async with world() as made:
        yield made


@pytest.fixture
async def desk(around: World, tmp_path: Path) -> AsyncIterator[DeskProcess]:
    process = DeskProcess(tmp_path)
    await process.start()
    try:
        yield process
    finally:
        if process.running:
            assert await process.stop() == 0
        log = process.log.read_text()
        assert "Traceback" not in log, log
        assert "tok-" not in log, "a token in the log"


# What a call is after the desk was killed in a state, and the world did what it does meanwhile.
AFTER = {
    "ready": ("ready",),
    "securing": ("ready",),
    "secured": ("secured",),
    "capturing": ("capturing",),
    "captured": ("captured",),
    "authorising": ("approved",),
    "approved": ("approved",),
    "outcome_unknown": ("approved",),
    "restoring": ("ready",),
    "media_at_partner": ("ready",),
}


@pytest.mark.parametrize("state", list(AFTER))
async def test_killed_and_started_again(around: World, desk: DeskProcess, state: str) -> None:
    card = await around.card()
    reference, token = await around.reach(card, state)
    asked = len(around.edge.asked)
    await desk.kill()
    charges = [key for verb, key, _ in around.partner.calls if verb == "charge"]
    if state in ("authorising", "outcome_unknown"):
        around.partner.settle(charges[0], "approved")
    around.partner.silent.clear()
    await desk.start()
    call = await card.state(reference, *AFTER[state], timeout_s=15)  # the login survives too
    if state in (*COVERED, "authorising", "approved"):
        async with asyncio.timeout(5):  # the edge is asked again
            while "media" not in [verb for verb, _ in around.edge.asked[asked:]]:  # noqa: ASYNC110 - looked at from outside
                await asyncio.sleep(0.01)
    if state in COVERED:
        assert all(call["evidence"].values())
    if state == "capturing":
        await around.partner.type_card(token, ["card_number", "expiry", "security_code"])
        await card.state(reference, "captured")
    assert [key for verb, key, _ in around.partner.calls if verb == "charge"] == charges, (
        "never charged again"
    )
    await around.edge.bye(reference, "customer")
    await card.state(reference, "ended")
    await forgotten(desk.root / "state", token)


async def test_after_a_restart_nothing_is_secured_until_the_edge_answers(
    around: World, desk: DeskProcess
) -> None:
    card = await around.card()
    reference, _ = await around.reach(card, "capturing")
    await desk.kill()
    around.edge.down = True
    around.partner.silent.add("release")
    await desk.start()
    call = await card.call(reference)
    assert call["state"] in ("securing", "restoring")
    assert not call["evidence"]["fence"]
    await card.state(reference, "restoring", "media_at_partner")


async def test_a_fence_that_fell_while_the_desk_was_down_is_noticed(around: World, desk: DeskProcess) -> None:
    card = await around.card()
    reference, _ = await around.reach(card, "secured")
    await desk.kill()
    around.edge.fenced = False
    await desk.start()
    await card.state(reference, "ready", timeout_s=15)


async def test_deadlines_that_passed_meanwhile_are_kept(around: World, desk: DeskProcess) -> None:
    card = await around.card()
    reference, _ = await around.reach(card, "restoring")
    deadline = (await card.call(reference))["deadline_at"]
    await desk.kill()
    await desk.start()
    call = await card.call(reference)
    assert call["state"] in ("restoring", "media_at_partner")
    if call["state"] == "restoring":
        assert call["deadline_at"] == deadline, "absolute, not armed anew"
    await card.state(reference, "media_at_partner")


async def test_hung_up_while_the_desk_was_down(around: World, desk: DeskProcess) -> None:
    card = await around.card()
    reference, _ = await around.reach(card, "authorising")
    await desk.kill()
    key = next(key for verb, key, _ in around.partner.calls if verb == "charge")
    around.partner.settle(key, "approved")
    bye = asyncio.create_task(around.edge.bye(reference, "customer"))
    await desk.start()
    await bye
    call = await card.wait(
        reference,
        lambda call: call["state"] == "ended" and call["result"] and call["result"]["outcome"] == "approved",
        "recorded approval",
        timeout_s=15,
    )
    assert call["result"]["authorisation_code"] == "A1B2C3"


async def test_killed_over_and_over_during_a_payment(around: World, desk: DeskProcess) -> None:
    """Whatever the moment: one charge at most, and the call comes to rest."""
    card = await around.card()
    for pause in (0.0, 0.004, 0.02):
        around.partner.outcomes = ["approved"]
        reference, _ = await around.reach(card, "captured")
        press = asyncio.create_task(
            card.press(reference, "charge", {"amount": 4250, "currency": "GBP"}, key=reference)
        )
        await asyncio.sleep(pause)
        await desk.kill()
        (answer,) = await asyncio.gather(press, return_exceptions=True)
        await desk.start()
        call: dict[str, Any] = await card.state(reference, "approved", "captured", "ready", timeout_s=20)
        made = {
            key for verb, key, _ in around.partner.calls if verb == "charge" and key.startswith(reference)
        }
        sent = [
            key for verb, key, _ in around.partner.calls if verb == "charge" and key.startswith(reference)
        ]
        assert len(sent) == len(made) <= 1
        if call["state"] == "approved":
            assert made
        await around.edge.bye(reference, "agent")
        await card.state(reference, "ended")
        del answer


async def test_it_ends_cleanly_with_a_listener_and_writes_demo_links(around: World, tmp_path: Path) -> None:
    links = tmp_path / "links.json"
    process = DeskProcess(tmp_path, "--demo", "--demo-links", str(links))
    await process.start()
    found = json.loads(links.read_text())
    assert [link["login"] for link in found] == ["alice", "bob"]
    assert links.stat().st_mode & 0o077 == 0
    answer = await around.http.get(found[0]["url"])
    assert answer.headers["location"] == "/"
    around.http.cookies.clear()
    card = await around.card()
    async with card.http.stream("GET", f"{DESK_URL}/v1/events") as stream:
        await anext(stream.aiter_lines())
        begun = time.monotonic()
        assert await process.stop() == 0
        assert time.monotonic() - begun < 3
    assert found[0]["url"].split("key=")[1] not in process.log.read_text()


async def test_a_wrong_deployment_is_said_and_nothing_starts(tmp_path: Path) -> None:
    process = DeskProcess(tmp_path)
    process.config.write_text("schema = 2\n")
    with pytest.raises(AssertionError):
        await process.start()
    assert not process.running
