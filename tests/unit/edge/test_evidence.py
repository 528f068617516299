"""When a leg has moved, as a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from callseal.edge.anchors import Leg, Place
from callseal.edge.evidence import Look, Target, arrived, flows, growth
from tests.unit.edge.fakes import settings

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("place", "target", "anchors", "there"),
    [
        ("partner", "partner", "two", True),
        ("home", "partner", "two", False),
        ("unknown", "partner", "two", False),
        ("home", "home", "two", True),
        ("partner", "home", "two", False),
        ("unknown", "home", "two", False),
        ("platform", "home", "two", False),
        ("platform", "home", "one", True),
        ("platform", "partner", "one", False),
    ],
)
def test_arrived(place: Place, target: Target, anchors: str, there: bool) -> None:
    assert arrived(place, target, settings(Path("unused"), anchors=anchors)) is there


@pytest.mark.parametrize(
    ("leg", "target", "packets", "proof"),
    [
        ("customer", "partner", {"from_carrier": 5, "carrier_to_partner": 5}, True),
        ("customer", "partner", {"from_carrier": 5, "carrier_to_partner": 0}, False),
        ("customer", "partner", {"from_partner": 5, "partner_to_carrier": 5}, False),
        ("agent", "partner", {"from_partner": 1, "partner_to_platform": 1}, True),
        ("agent", "partner", {"from_platform": 9, "platform_to_partner": 9}, False),
        ("agent", "partner", {"from_partner": 9, "partner_to_platform": 0}, False),
        ("customer", "home", {"from_carrier": 1}, True),
        ("customer", "home", {"from_partner": 9, "partner_to_carrier": 9}, False),
        ("agent", "home", {"from_platform": 1, "platform_to_partner": 1}, True),
        ("agent", "home", {"from_platform": 1}, False),
        ("agent", "home", {}, False),
    ],
)
def test_flows(leg: Leg, target: Target, packets: dict[str, int], proof: bool) -> None:
    assert flows(leg, target, packets) is proof


def test_a_mute_fence_sends_nothing_on_and_is_secured_all_the_same() -> None:
    assert flows("agent", "partner", {"from_partner": 9, "partner_to_platform": 0}, muted=True)
    assert not flows("agent", "partner", {"from_platform": 9}, muted=True)
    assert not flows("customer", "partner", {"from_carrier": 9}, muted=True)


def test_growth_counts_from_the_first_look() -> None:
    first = Look("edge-1", "partner", {"a": 100, "b": 7})
    assert growth(first, Look("edge-1", "partner", {"a": 103, "b": 7})) == {"a": 3, "b": 0}


def test_growth_claims_nothing_across_nodes_or_backwards() -> None:
    first = Look("edge-1", "partner", {"a": 100})
    assert growth(first, Look("edge-2", "partner", {"a": 500})) == {"a": 0}
    assert growth(first, Look("edge-1", "partner", {"a": 3})) == {"a": 0}
