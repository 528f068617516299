"""Whose end it is, where several devices have answered."""

from __future__ import annotations

import pytest

from callseal.payments.lost_forks import LostForks

pytestmark = pytest.mark.unit


def test_a_loser_is_known_by_its_leg_and_tag_until_the_leg_is_over() -> None:
    forks = LostForks()
    forks.lost("r", "agent", "a")
    forks.lost("r", "agent", "b")
    assert forks.has_lost("r", "agent", "a")
    assert forks.has_lost("r", "agent", "b")
    assert not forks.has_lost("r", "agent", "c")
    assert not forks.has_lost("r", "customer", "a")
    forks.ended("r", "agent")
    assert not forks.has_lost("r", "agent", "a")


def test_without_a_tag_nobody_has_lost() -> None:
    """Or the end of any device would be that of a loser."""
    forks = LostForks()
    forks.lost("r", "agent", "")
    assert not forks.has_lost("r", "agent", "")


def test_the_oldest_are_forgotten() -> None:
    forks = LostForks()
    for number in range(10_001):
        forks.lost(str(number), "agent", "a")
    assert not forks.has_lost("0", "agent", "a")
    assert forks.has_lost("1", "agent", "a")
