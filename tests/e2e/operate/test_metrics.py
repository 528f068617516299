"""What the reference, the board and the alerts name is exported by a world in which a call was paid."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path

import pytest

from callseal.operate.metrics_page import RTPENGINE, desk_families, edge_families
from tests.e2e.operate.operator import healthy
from tests.support.stage import Stage

pytestmark = pytest.mark.e2e

DOCS = Path(__file__).parents[3] / "docs"
_NAME = re.compile(r"\b(?:callseal|rtpengine)_[a-z0-9_]+")


def _named(expressions: list[str]) -> set[str]:
    return {name for expression in expressions for name in _NAME.findall(expression)}


def _page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=3) as answer:
        return str(answer.read().decode())


def _samples(page: str) -> set[str]:
    """Names with at least one sample."""
    return set(re.findall(r"(?m)^(\w+)[{ ]", page))


def _pages(stage: Stage) -> dict[str, str]:
    block = stage.world.block
    return {
        "edge": _page(f"http://{block.edge_agent}:8022/metrics"),
        "desk": _page(f"{stage.world.desk_url}/metrics"),
        "rtpengine": _page(f"http://{block.edge_media}:2224/metrics"),
    }


@pytest.fixture(scope="module")
def before(stage: Stage) -> dict[str, str]:
    healthy(stage)
    return _pages(stage)


@pytest.fixture(scope="module")
def pages(stage: Stage, before: dict[str, str]) -> dict[str, str]:
    """After one paid call more than `before`."""
    assert before
    call = stage.call()
    call.dial()
    call.pay()
    call.hang_up()
    return _pages(stage)


def _value(page: str, series: str) -> float:
    return next(
        (float(line.split(" ")[-1]) for line in page.splitlines() if line.startswith(f"{series} ")), 0.0
    )


def test_a_paid_call_is_in_the_numbers(before: dict[str, str], pages: dict[str, str]) -> None:
    for series in (
        'callseal_charges_total{outcome="approved"}',
        "callseal_secure_seconds_count",
        "callseal_secured_window_seconds_count",
        "callseal_restore_seconds_count",
        "callseal_handoff_delay_seconds_count",
        "callseal_calls_ended_total",
    ):
        assert _value(pages["desk"], series) - _value(before["desk"], series) == 1, series
    edge = pages["edge"]
    assert "callseal_edge_router_up 1.0" in edge
    assert "callseal_edge_rtpengine_up 1.0" in edge
    assert 'callseal_edge_router_events_total{event="strangers"}' in edge
    assert re.search(r'router_destination_up\{peer="sandbox",uri="sip:[^"]+"\} 1\.0', edge)
    assert not re.search(r"\+44|[0-9a-f]{32}", edge + pages["desk"]), "no number and no reference in a label"


def test_reference_is_what_is_exported(pages: dict[str, str]) -> None:
    for name, families in (("edge", edge_families()), ("desk", desk_families())):
        exported = {
            line.split(" ")[2]
            for line in pages[name].splitlines()
            if line.startswith("# TYPE ") and "_created" not in line
        }
        assert {family.name for family in families} == exported
    assert set(RTPENGINE) <= _samples(pages["rtpengine"])


def test_board_and_alerts_name_what_is_exported(pages: dict[str, str]) -> None:
    board = json.loads((DOCS / "operate" / "grafana-board.json").read_text(encoding="utf-8"))
    drawn = _named([target["expr"] for panel in board["panels"] for target in panel["targets"]])
    alerts = (DOCS / "operate" / "alerts.yml").read_text(encoding="utf-8")
    rung = _named(re.findall(r"(?m)^\s+expr: (.*)$", alerts))
    known = _samples(pages["edge"]) | _samples(pages["desk"]) | _samples(pages["rtpengine"])
    families = {family.name for family in (*edge_families(), *desk_families())}
    assert len(drawn) > 20
    assert len(rung) > 8
    for name in sorted(drawn | rung):
        assert name in known | families, name
    for event in re.findall(r'event="(\w+)"', alerts):
        assert f'event="{event}"' in pages["edge"], event
