"""Nothing that is written holds a card number, however it came in and whatever dies of it (docs/explanation/log-leak.md)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from callseal.audit.canary_scan import scan
from callseal.lab.block import Block
from callseal.lab.preflight import taken
from tests.e2e.canary.leak_canaries import CANARIES, EVENTS, MISTYPED, PLAIN_INFO, RELAY, TONES, Told
from tests.e2e.canary.leak_story import play

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

SERVICES = ("desk", "edge-agent", "partner", "platform", "psp")
LOGS = {
    f"{name}.log"
    for name in (
        *SERVICES,
        "kamailio",
        "phone-agent",
        "phone-customer",
        "rtpengine-edge",
        "rtpengine-partner",
    )
}
KEPT = {
    "desk.sql", "edge-1.sql", "desk.sqlite3", "edge-1.sqlite3", "metrics-desk.txt", "metrics-edge.txt", "metrics-rtpengine.txt",
    "kamailio-statistics.txt", "hep.bin", "record.json", "doctor.txt", "report.html", "verdict.txt", "demo-links.json",
}  # fmt: skip


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    free = next(
        block.prefix for block in (Block(f"127.90.{number}") for number in range(40, 99)) if not taken(block)
    )
    with ExitStack() as stack:
        yield play(stack, tmp_path_factory.mktemp("leak"), free)


def test_the_card_numbers_were_there(story: Told) -> None:
    """A story in which nothing happened would be clean, too."""
    assert {MISTYPED, EVENTS, TONES, RELAY, PLAIN_INFO} <= set(story.captured)
    assert story.outcomes[1] == "declined insufficient_funds", story.outcomes
    assert len(story.outcomes) == 3, "one refused by the PSP's validation, one that it fails to process"
    assert story.sip > 200
    assert (story.http > 300, story.refused > story.http * 0.8) == (True, True)
    assert set(story.webhooks) == {204, 400, 401}
    assert story.inlet == 400
    assert story.traced > 100
    assert set(story.crashed) == {"kamailio", "rtpengine-edge", "rtpengine-partner", *SERVICES}
    assert 0 not in story.crashed.values()


def test_every_log_says_as_much_as_it_may(story: Told) -> None:
    logs = {path.name: path.read_text(errors="replace") for path in (story.workspace / "logs").iterdir()}
    assert set(logs) == LOGS
    assert all('"level": "debug"' in logs[f"{name}.log"] for name in SERVICES)
    assert "DEBUG: <core>" in logs["kamailio.log"]
    assert "INFO: " in logs["rtpengine-edge.log"]


def test_nothing_written_anywhere_holds_one(story: Told) -> None:
    found = scan(story.workspace, canaries=CANARIES, exclude=[story.workspace / "phone-customer"])
    read = {path.name for path in story.workspace.rglob("*") if path.is_file()}
    assert read >= LOGS | KEPT
    assert found.files > 50
    assert not found.unread
    assert not found.findings, [str(one) for one in found.findings]


def test_nothing_is_left_outside_of_the_workspace(story: Told) -> None:
    """No core, no temporary file, nothing in /dev/shm, no word to syslog: there is nothing to search."""
    left = [
        path
        for layer in story.layers
        for path in (layer.rglob("*") if layer.is_dir() else [layer])
        if path.is_file()
    ]
    assert [path for path in left if path.stat().st_size] == []
    assert [path for path in story.workspace.rglob("core*") if path.is_file()] == []
