from __future__ import annotations

import pytest

from callseal.payments.limits import Limits

pytestmark = pytest.mark.unit


def test_the_questions_about_a_charge_come_at_growing_distances() -> None:
    pauses = [Limits().charge_backoff(asked) for asked in range(8)]
    assert pauses == [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]
    assert Limits().charge_backoff(10**6) == 60_000


def test_a_hold_outlives_the_pause_between_two_tries() -> None:
    assert Limits().restore_again < Limits().hold
    assert Limits().secure < Limits().hold
