"""bench-router, bench-media and bench-handoff from end to end for some seconds each: what they say, the JSON beside it, the one line
at the end. The figures of such short runs mean nothing and are not looked at."""

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


def run(name: str, block: str, out: Path) -> dict[str, Any]:
    """The JSON; that the last line says the same is looked at here."""
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{name}", "--quick", "--block", block, "--out", str(out)],
        cwd=project_root(),
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.rstrip("\n").split("\n")
    found = re.fullmatch(rf"bench-{name} ratio=(\d+\.\d\d) goal=(\d\.\d+)", lines[-1])
    assert found is not None, lines[-1]
    assert sum(f"bench-{name}" in line for line in lines) == 1
    told: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    assert float(found[1]) == pytest.approx(told["ratio"], abs=0.011)
    assert float(found[2]) == told["goal"]
    assert told["bench"] == name
    assert len(told["load_at_start"]) == len(told["load_at_end"]) == 3
    assert re.match(r"\d+\.\d+", told["kamailio"])
    assert re.match(r"\d+\.\d+", told["rtpengine"])
    assert told["command"].startswith(f"python -m bench.{name} --quick")
    return told


def test_router(tmp_path: Path) -> None:
    """Both routers carried every call, and a call that was secured cost more than one that was not."""
    told = run("router", "127.92.100", tmp_path / "router.json")
    normal, secured = told["rows"]
    assert [normal["kind"], secured["kind"]] == ["normal", "secured"]
    for row in (normal, secured):
        assert row["failures"] == []
        assert row["calls"] == 20
        assert len(row["ratio_of_each_stretch"]) == 2
        assert row["bare_us_per_call"] > 0
    assert secured["bare_us_per_call"] > normal["bare_us_per_call"]
    assert secured["callseal_us_per_call"] > normal["callseal_us_per_call"]
    assert [each["calls_up"] for each in told["growth"]] == [5, 10]
    assert all(each["failures"] == [] for each in told["growth"])


def test_media(tmp_path: Path) -> None:
    """rtpengine forwarded what each kind of call asks for: one anchor is as many streams as a plain call."""
    told = run("media", "127.93.100", tmp_path / "media.json")
    assert told["wrong"] == []
    streams = {row["variant"]: row["streams_forwarded"] for row in told["rows"]}
    assert streams == pytest.approx({"plain": 2, "one": 2, "two": 4, "secured": 4}, rel=0.1)
    assert told["rows"][0]["ratio"] == 1.0
    assert [each["calls"] for each in told["growth"]] == [4]


def test_handoff(tmp_path: Path) -> None:
    """Every call's card was seen, on the stream and in a browser."""
    told = run("handoff", "127.94.100", tmp_path / "handoff.json")
    assert told["knee_calls_a_second"] == 8.0
    assert told["steps"][0]["failures"] == []
    assert told["steps"][0]["samples"] == 6
    assert told["steps"][0]["cpu"]["edge-agent"] > 0
    browser = told["browser"]
    assert browser["to_frame"]["samples"] == 2
    assert browser["to_event"]["p50_ms"] > 0
    assert browser["to_frame"]["p50_ms"] > 0
