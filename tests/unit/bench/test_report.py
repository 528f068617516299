"""Percentiles that were really measured, a line that scripts can read, a file that is never half."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from bench.report import conditions, last_line, percentile, summary, worst, write_json

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(("share", "expected"), [(50, 50), (95, 95), (99, 99), (100, 100)])
def test_percentile_is_the_nearest_rank(share: int, expected: int) -> None:
    assert percentile(range(100, 0, -1), share) == expected


def test_percentile_of_few_is_one_of_them() -> None:
    assert [percentile([3.0, 1.0], share) for share in (1, 50, 51, 99)] == [1.0, 1.0, 3.0, 3.0]
    assert math.isnan(percentile([], 95))


def test_summary_is_in_milliseconds() -> None:
    assert summary([0.0123, 0.0456]) == {"samples": 2, "p50_ms": 12.3, "p95_ms": 45.6, "p99_ms": 45.6}


def test_the_last_line() -> None:
    assert last_line("secure", 2.345, 3.0) == "bench-secure ratio=2.35 goal=3.0"


@pytest.mark.parametrize("unknown", [0, 1, 2])
def test_a_ratio_that_was_not_measured_is_not_passed_over(unknown: int) -> None:
    ratios = [1.0, 2.0, 3.0]
    assert worst(ratios) == 3.0
    ratios[unknown] = math.nan
    assert math.isnan(worst(ratios))


def test_what_was_not_measured_is_null_in_the_json(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"loads": [summary([])]})
    told = json.loads((tmp_path / "x.json").read_text(), parse_constant=pytest.fail)
    assert told == {"loads": [{"samples": 0, "p50_ms": None, "p95_ms": None, "p99_ms": None}]}


def test_json_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "results" / "x.json"
    write_json(path, {"ratio": 1})
    write_json(path, {"ratio": 2})
    assert json.loads(path.read_text()) == {"ratio": 2}
    assert list(path.parent.iterdir()) == [path]


def test_conditions_are_one_line_with_the_facts_at_its_end() -> None:
    around = {
        "kamailio": "6.1.5",
        "rtpengine": "26.0.1",
        "cpus": 2,
        "load_at_start": [0.5, 1, 1],
        "load_at_end": [1.5, 1, 1],
    }
    assert conditions(around, "0 failed", Path("out.json")) == (
        "Kamailio 6.1.5, rtpengine 26.0.1, 2 CPUs, system load 0.5 before and 1.5 after; 0 failed; out.json"
    )
    assert conditions(around).endswith("1.5 after")
