"""When a drain is over, and when it is not one any more."""

from __future__ import annotations

from typing import Any

import pytest

from callseal.edge.router_state import RouterState
from callseal.operate import drain as module
from callseal.operate.drain import Left, NotDrainingError, drain, left

pytestmark = pytest.mark.unit


class _Control:
    """A Kamailio with a finished transaction that still lies in memory."""

    def call(self, method: str, *_: object) -> Any:
        return {"tm.stats": {"current": 1, "waiting": 1}, "pv.shvSet": "Ok"}[method]


class _Patient:
    control = _Control()

    class edge:  # noqa: N801 - stands for an attribute
        id = "edge-1"


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the world says: change it while the drain waits."""
    says: dict[str, Any] = {"draining": True, "anchors": 0, "rows": 0}
    monkeypatch.setattr(
        module, "read_state", lambda _: RouterState(transactions=1, draining=says["draining"])
    )
    monkeypatch.setattr(module, "sessions", lambda _: says["anchors"])
    monkeypatch.setattr(module, "_rows", lambda _: says["rows"])
    return says


def test_nothing_left_is_nothing_of_anything(state: dict[str, Any]) -> None:
    who: Any = _Patient()
    assert left(who).nothing
    for name, value in (("anchors", 1), ("rows", 1), ("anchors", None), ("rows", None)):
        state[name] = value
        assert not left(who).nothing, name
        state[name] = 0
    assert not Left(0, 1, 0, 0).nothing
    assert not Left(0, 0, 1, 0).nothing


def test_it_waits_and_says_how_much(state: dict[str, Any]) -> None:
    who: Any = _Patient()
    state["anchors"] = 2
    said: list[str] = []
    clock = iter(range(100))

    def sleep(_: float) -> None:
        state["anchors"] -= 1

    assert drain(who, limit_s=50, say=said.append, monotonic=lambda: float(next(clock)), sleep=sleep)
    assert next(line for line in said if line.startswith("left: ")).startswith(
        "left: 2 relayed legs, 0 transactions"
    )
    assert "nothing is left" in said[-1]


@pytest.mark.parametrize("name", ["anchors", "rows"])
def test_it_waits_for_each_of_them(state: dict[str, Any], name: str) -> None:
    who: Any = _Patient()
    state[name] = 1
    clock = iter(range(100))
    over = drain(
        who, limit_s=3, say=lambda _: None, monotonic=lambda: float(next(clock)), sleep=lambda _: None
    )
    assert not over


def test_time_is_over(state: dict[str, Any]) -> None:
    who: Any = _Patient()
    state["anchors"] = None
    clock = iter(range(100))
    said: list[str] = []
    assert not drain(
        who, limit_s=3, say=said.append, monotonic=lambda: float(next(clock)), sleep=lambda _: None
    )
    assert "an unknown number of relayed legs" in said[1]


def test_a_restart_in_between_is_told(state: dict[str, Any]) -> None:
    who: Any = _Patient()
    state["anchors"] = 1
    clock = iter(range(100))

    def sleep(_: float) -> None:
        state["draining"] = False

    with pytest.raises(NotDrainingError):
        drain(who, limit_s=3, say=lambda _: None, monotonic=lambda: float(next(clock)), sleep=sleep)
