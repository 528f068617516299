"""bench-secure from end to end with six presses: the table, the JSON beside it, the one line at the end."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from callseal.lab.rootfs import project_root

pytestmark = pytest.mark.e2e

LAST_LINE = re.compile(r"bench-secure ratio=(\d+\.\d\d) goal=3\.0")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], dict[str, Any]]:
    """The lines printed, and the JSON."""
    out = tmp_path_factory.mktemp("bench") / "secure.json"
    done = subprocess.run(
        [sys.executable, "-m", "bench.secure", "--quick", "--block", "127.91.100", "--out", str(out)],
        cwd=project_root(),
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.rstrip("\n").split("\n"), json.loads(Path(out).read_text(encoding="utf-8"))


def test_the_last_line_and_the_json_say_the_same(run: tuple[list[str], dict[str, Any]]) -> None:
    lines, told = run
    found = LAST_LINE.fullmatch(lines[-1])
    assert found is not None, lines[-1]
    assert float(found[1]) == pytest.approx(told["ratio"], abs=0.011)
    assert sum("bench-secure" in line for line in lines) == 1


def test_every_press_is_counted_beside_its_baseline(run: tuple[list[str], dict[str, Any]]) -> None:
    _, told = run
    assert [load["calls"] for load in told["loads"]] == [1, 2]
    for load in told["loads"]:
        assert load["failures"] == []
        for direction in ("secure", "release"):
            for until in ("total", "acknowledged"):
                assert load[direction][until]["press"]["samples"] == 3
                assert load[direction][until]["baseline"]["samples"] >= 1
            # A press is the three stages it is said to be made of, and RTP comes last.
            assert (
                load[direction]["total"]["press"]["p50_ms"]
                > load[direction]["acknowledged"]["press"]["p50_ms"]
            )
        assert load["router_alone"]["samples"] >= 1


def test_secured_is_said_after_the_partners_own_delay(run: tuple[list[str], dict[str, Any]]) -> None:
    """The partner holds the customer's voice back for 60 ms, so both clocks must show it; a baseline that shows less was
    stopped by a packet of the old way."""
    _, told = run
    for load in told["loads"]:
        for who in ("press", "baseline"):
            assert load["secure"]["total"][who]["p50_ms"] > 60


def test_where_and_with_what_it_was_measured(run: tuple[list[str], dict[str, Any]]) -> None:
    _, told = run
    assert re.fullmatch(r"\d+\.\d+\.\d+", told["kamailio"])
    assert re.match(r"\d+\.\d+", told["rtpengine"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["date"])
    assert told["command"].startswith("python -m bench.secure --quick")
    assert told["cpus"] >= 1
