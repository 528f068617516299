"""Partners differ; the same payment must work with each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from callseal.lab.story import APPROVED, DIALLED
from tests.support.stage import Stage, keys_heard, voices_flow

pytestmark = pytest.mark.e2e


def speaking(*codecs: str) -> dict[str, Any]:
    """Both phones prefer the first of these; the partner offers G.711 to the agent's."""
    return {"customer": {"codecs": codecs}, "agent": {"codecs": codecs}}


@pytest.mark.parametrize(
    "switches",
    [
        {"partner": {"reinvite_order": "customer-first"}, **speaking("PCMA")},
        {"partner": {"keep_call_id": True}, **speaking("G722", "PCMU")},
        {"partner": {"keep_call_id": True, "reinvite_order": "customer-first"}},
        {"settings": {"cookie_place": '"request-uri"'}, "partner": {"cookie_header": "X-Unheard-Of"}},
    ],
    ids=["customer-first-PCMA", "one-call-id-G722", "one-call-id-customer-first", "cookie-in-request-uri"],
)
def test_a_payment_with_another_kind_of_partner(
    open_stage: Callable[..., Stage], switches: dict[str, Any]
) -> None:
    stage = open_stage(**switches)
    call = stage.call()
    call.dial()
    codec = switches.get("customer", {"codecs": ("PCMU",)})["codecs"][0]
    for phone in (stage.customer, stage.agent):
        assert phone.wait("media")["codec"] == codec
    stage.ear.mark("press")
    call.secure()
    stage.ear.mark("secured")
    call.ask()
    call.type_card(APPROVED)
    assert call.charge(4250)["result"]["outcome"] == "approved"
    stage.ear.mark("charged")
    call.release()
    stage.ear.mark("restored")
    # (The ear does not decode G.722, which these phones speak at home.)
    assert keys_heard(stage, "secured", "charged") == 0
    assert stage.ear.heard("press", "restored").keys == 0
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
