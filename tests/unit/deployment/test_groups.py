"""Numbers of the peers."""

from __future__ import annotations

import pytest

from callseal.deployment.groups import FIRST_CARRIER_GROUP, PARTNER_GROUP, PLATFORM_GROUP, carrier_group

pytestmark = pytest.mark.unit


def test_no_carrier_has_a_number_of_another_face_or_one_that_kamailio_cannot_hold() -> None:
    numbers = {carrier_group(f"carrier-{number}") for number in range(2000)}
    assert len(numbers) == 2000
    assert min(numbers) >= FIRST_CARRIER_GROUP > max(PARTNER_GROUP, PLATFORM_GROUP)
    assert max(numbers) < 2**31
