"""Either side hangs up, in every state."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from callseal.lab.story import APPROVED, PaidCall
from tests.support.stage import Stage, partner_faults

pytestmark = pytest.mark.e2e

STATES = ("ready", "securing", "secured", "capturing", "captured", "authorising", "approved", "restoring")


@pytest.fixture(scope="module")
def stage(open_stage: Callable[..., Stage]) -> Stage:
    """A PSP that thinks for a second, so that a hang-up surely falls between charge and result."""
    return open_stage(psp={"answer_ms": 1000})


@pytest.fixture(autouse=True)
def healthy_again(stage: Stage) -> Iterator[None]:
    yield
    partner_faults(stage, secure_delay_ms=0)


def bring_to(stage: Stage, call: PaidCall, state: str) -> None:
    """Put a fresh call into `state`."""
    call.dial()
    if state == "ready":
        return
    if state == "securing":
        partner_faults(stage, secure_delay_ms=1500)
        stage.desk.press(call.reference, "secure")
        return
    call.secure()
    if state == "secured":
        return
    if state == "restoring":
        stage.desk.press(call.reference, "release")
        return
    call.ask()
    if state == "capturing":
        stage.customer.press(APPROVED.number[:6], duration_ms=80, gap_ms=60)
        return
    call.type_card(APPROVED)
    if state == "captured":
        return
    stage.desk.press(call.reference, "charge", {"amount": 4250, "currency": "GBP"})
    if state == "approved":
        stage.desk.wait_state(call.reference, "approved")
    else:
        time.sleep(0.4)  # the charge is at the PSP, its result is not here yet


@pytest.mark.parametrize("side", ["customer", "agent"])
@pytest.mark.parametrize("state", STATES)
def test_hang_up(stage: Stage, state: str, side: str) -> None:
    call = stage.call()
    bring_to(stage, call, state)
    (stage.customer if side == "customer" else stage.agent).hangup()
    ended = call.ended()
    if state in {"authorising", "approved"}:
        # At first it may be unknown: the desk then asks by the charge's own key, and never charges again.
        ended = stage.desk.wait(
            call.reference,
            lambda now: now["result"] is not None and now["result"]["outcome"] != "unknown",
            "the outcome of the charge",
            20,
        )
        assert ended["result"]["outcome"] == "approved", (
            "a charge that was sent is recorded, also after hang-up"
        )
    # The line is free: the next call goes through.
    again = stage.call()
    again.dial()
    again.hang_up()
