"""Whatever the worlds of this run wrote, no card digit is in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from callseal.audit.canary_scan import scan
from callseal.lab.story import APPROVED
from tests.support.stage import Stage, Stages

pytestmark = pytest.mark.e2e


def test_nothing_written_holds_a_card(stages: Stages, open_stage: Callable[..., Stage]) -> None:
    if not stages.written:  # this module alone: make something to look at
        call = open_stage().call()
        call.dial()
        call.pay()
        call.hang_up()
    for folder in stages.written:
        found = scan(folder, exclude=[folder / "phone-customer"])
        assert found.files > 10, f"{folder} holds too little to be a world"
        assert not found.unread, found.unread
        assert not found.findings, [str(finding) for finding in found.findings]


def test_the_scan_would_see_a_card_in_such_a_world(
    stages: Stages, open_stage: Callable[..., Stage], tmp_path: Path
) -> None:
    if not stages.written:
        open_stage()
    world = tmp_path / "world"
    shutil.copytree(stages.written[0] / "logs", world / "logs")
    log = next((world / "logs").glob("kamailio*"))
    log.write_bytes(log.read_bytes() + f"INFO body Signal={APPROVED.number}\n".encode())
    assert scan(world).findings
