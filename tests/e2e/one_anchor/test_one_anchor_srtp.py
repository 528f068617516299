"""One anchor with SRTP, real phones: at home in the suite for home, secured in two others, and back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from callseal.lab.rootfs import BASELINE, COMPATIBILITY
from tests.support.stage import Stage, keys_heard, voices_flow

pytestmark = [pytest.mark.e2e, pytest.mark.compat, pytest.mark.soak]

SETTINGS = {"partner.media_profile": '"srtp"', "platform.media_profile": '"srtp"', "anchors": '"one"'}
WORLDS = {BASELINE: "agent-first", COMPATIBILITY: "customer-first"}


@pytest.fixture(scope="module", params=WORLDS)
def sealed(request: pytest.FixtureRequest, open_stage: Callable[..., Stage]) -> Stage:
    order = {"reinvite_order": WORLDS[request.param]}
    return open_stage(suite=request.param, settings=SETTINGS, partner=order)


def test_two_payments_in_one_call(sealed: Stage) -> None:
    call = sealed.call()
    call.dial()
    voices_flow(sealed)
    for number in range(2):
        sealed.ear.mark("press")
        assert call.pay(amount=100 + number)["result"]["outcome"] == "approved"
        sealed.ear.mark("restored")
        assert keys_heard(sealed, "press", "restored") == 0
        voices_flow(sealed)
    call.hang_up()
