"""The rule by which a hold may end, sight by sight."""

from __future__ import annotations

import pytest

from callseal.edge.hold_expiry import Lift, Sight, Whereabouts, expiry_rule
from tests.unit.edge.test_holds import SIGHTS

pytestmark = pytest.mark.unit


def rule(customer: Sight, agent: Sight, *, one: bool = False, late: bool = False) -> Lift:
    return expiry_rule(Whereabouts(customer, agent, "edge-1"), one_anchor=one, out_of_time=late)


@pytest.mark.parametrize("agent", SIGHTS)
@pytest.mark.parametrize("late", [False, True])
def test_customer_leg_at_the_partner_passes_everything(agent: Sight, late: bool) -> None:
    assert rule("partner", agent, late=late) == "all"
    assert rule("gone", agent, late=late) == "forget"


@pytest.mark.parametrize("agent", SIGHTS)
@pytest.mark.parametrize("customer", ["unknown", "silent", "platform"])
@pytest.mark.parametrize("late", [False, True])
def test_what_is_not_understood_stays_stopped(customer: Sight, agent: Sight, late: bool) -> None:
    assert rule(customer, agent, late=late) == "nothing"


@pytest.mark.parametrize(
    ("agent", "early", "late"),
    [
        ("home", "all", "all"),
        ("gone", "all", "all"),
        ("partner", "nothing", "media"),
        ("platform", "nothing", "media"),
        ("unknown", "nothing", "media"),
        ("silent", "nothing", "media"),
    ],
)
@pytest.mark.parametrize("one", [False, True])
def test_customer_leg_at_home_waits_for_the_agent_leg(agent: Sight, early: str, late: str, one: bool) -> None:
    home: Sight = "platform" if one else "home"
    assert rule(home, agent, one=one) == early
    assert rule(home, agent, one=one, late=True) == late
