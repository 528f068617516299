"""Partners differ; the same payment must work with each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from callseal.lab.story import DIALLED
from tests.support.stage import Stage, keys_heard, voices_flow

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    "switches",
    [
        {"partner": {"reinvite_order": "customer-first"}},
        {"partner": {"keep_call_id": True}},
        {"partner": {"keep_call_id": True, "reinvite_order": "customer-first"}},
        {"settings": {"cookie_place": '"request-uri"'}, "partner": {"cookie_header": "X-Unheard-Of"}},
    ],
    ids=["customer-first", "one-call-id", "one-call-id-customer-first", "cookie-in-request-uri"],
)
def test_a_payment_with_another_kind_of_partner(
    open_stage: Callable[..., Stage], switches: dict[str, Any]
) -> None:
    stage = open_stage(**switches)
    call = stage.call()
    call.dial()
    stage.ear.mark("press")
    assert call.pay()["result"]["outcome"] == "approved"
    stage.ear.mark("restored")
    assert keys_heard(stage, "press", "restored") == 0
    voices_flow(stage)
    call.hang_up()


def test_no_token_means_no_payment_and_a_normal_call(open_stage: Callable[..., Stage]) -> None:
    stage = open_stage(partner={"token": False})
    stage.customer.call(f"sip:{DIALLED}@{stage.world.block.kamailio}")
    stage.customer.wait("answered", timeout=10)
    found = stage.desk.wait_call()
    assert found["payments"] == {"allowed": False, "reason": "no_token"}
    voices_flow(stage)
    stage.customer.hangup()
    stage.desk.wait_state(found["reference"], "ended")
