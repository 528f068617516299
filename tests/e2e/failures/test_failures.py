"""Fail closed for payments, open for calls."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from callseal.lab.agent_desk import DeskError
from callseal.lab.story import APPROVED
from tests.support.stage import Stage, keys_heard, partner_faults, voices_flow

pytestmark = pytest.mark.e2e

HEALTHY = {
    "refuse_secure": False,
    "secure_delay_ms": 0,
    "lie_secured": False,
    "leave_secure_after_ms": None,
    "no_webhooks": False,
    "drop_rest": False,
}


@pytest.fixture(autouse=True)
def healthy_again(stage: Stage) -> Iterator[None]:
    yield
    partner_faults(stage, **HEALTHY)


def _ear_hears(stage: Stage) -> None:
    """The agent's phone receives sound, and the ear beside it notices."""
    stage.ear.mark("before")
    voices_flow(stage, seconds=0.4)
    assert stage.ear.heard("before").listened


def _pays(stage: Stage, call_reference: str) -> None:
    """The same call can still be paid."""
    call = stage.call()
    call.reference = call_reference
    assert call.pay()["result"]["outcome"] == "approved"
    call.hang_up()


@pytest.mark.parametrize("code", [488, 491, 500])
@pytest.mark.parametrize("side", ["agent", "customer"])
def test_a_refused_re_invite_brings_both_legs_home(stage: Stage, side: str, code: int) -> None:
    call = stage.call()
    call.dial()
    phone = stage.agent if side == "agent" else stage.customer
    phone.refuse_reinvite(code, 8)
    stage.ear.mark("press")
    stage.desk.press(call.reference, "secure")
    refused = stage.desk.wait(
        call.reference,
        lambda now: now["state"] in {"ready", "restoring"} and now["notice"] is not None,
        "the way home",
        15,
    )
    assert refused["notice"]["code"] != "secured"
    phone.refuse_reinvite(code, 0)
    stage.desk.wait_state(call.reference, "ready", timeout_s=15)
    stage.ear.mark("home")
    assert stage.ear.heard("press", "home").clean
    voices_flow(stage)
    _pays(stage, call.reference)


@pytest.mark.parametrize("late_offer", [False, True], ids=["same SDP", "no SDP"])
def test_a_refresh_of_either_phone_does_not_flip_the_card(stage: Stage, late_offer: bool) -> None:
    """As a session timer sends it, while secured."""
    call = stage.call()
    call.dial()
    stage.ear.mark("press")
    call.secure()
    for phone in (stage.customer, stage.agent):
        phone.reinvite(late_offer=late_offer)
        assert phone.wait("reinvite", by="local")["code"] == 200
        stage.customer.press("42")
        assert stage.desk.call(call.reference)["state"] == "secured"
    voices_flow(stage)
    assert stage.desk.call(call.reference)["state"] == "secured"
    call.release()
    stage.ear.mark("restored")
    assert keys_heard(stage, "press", "restored") == 0
    call.hang_up()


def test_partner_refuses_secure(stage: Stage) -> None:
    partner_faults(stage, refuse_secure=True)
    call = stage.call()
    call.dial()
    stage.desk.press(call.reference, "secure")
    now = stage.desk.wait(
        call.reference, lambda now: now["state"] == "ready" and now["notice"] is not None, "refusal"
    )
    assert "secure" in now["notice"]["code"]
    voices_flow(stage)
    partner_faults(stage, refuse_secure=False)
    _pays(stage, call.reference)


def test_a_partner_that_lies_is_not_believed(stage: Stage) -> None:
    partner_faults(stage, lie_secured=True)
    call = stage.call()
    call.dial()
    _ear_hears(stage)
    stage.ear.mark("press")
    stage.desk.press(call.reference, "secure")
    now = stage.desk.wait(call.reference, lambda now: now["evidence"]["partner"], "the partner's word")
    assert now["state"] == "securing"
    assert not now["evidence"]["customer_leg"]
    stage.customer.press("4242", duration_ms=80)
    now = stage.desk.wait_state(call.reference, "restoring", "ready", timeout_s=6)
    assert now["notice"]["code"] == "secure_timeout"
    stage.ear.mark("end")
    # A hold in time lets no packet through at all, so the ear was proved before it.
    assert stage.ear.heard("press", "end").clean, "the hold stops what is pressed while the partner lies"
    stage.desk.wait_state(call.reference, "ready", timeout_s=12)
    voices_flow(stage)
    call.hang_up()


def test_partner_leaves_secure_mode_by_itself(stage: Stage) -> None:
    partner_faults(stage, leave_secure_after_ms=1500)
    call = stage.call()
    call.dial()
    call.secure()
    now = stage.desk.wait_state(call.reference, "ready", timeout_s=10)
    # Which is seen first, the leg that comes home or the webhook, is a race; both say that the line is open again.
    assert now["notice"]["code"] in {"partner_left", "evidence_lost"}
    voices_flow(stage)
    call.hang_up()


def test_partner_answers_no_rest(stage: Stage) -> None:
    partner_faults(stage, drop_rest=True)
    call = stage.call()
    call.dial()
    stage.desk.press(call.reference, "secure")
    now = stage.desk.wait_state(call.reference, "ready", "restoring", "media_at_partner", timeout_s=10)
    assert now["notice"] is not None
    partner_faults(stage, drop_rest=False)
    stage.desk.wait_state(call.reference, "ready", timeout_s=20)
    voices_flow(stage)
    call.hang_up()


def test_webhooks_are_lost(stage: Stage) -> None:
    partner_faults(stage, no_webhooks=True)
    call = stage.call()
    call.dial()
    stage.desk.press(call.reference, "secure")
    now = stage.desk.wait_state(call.reference, "restoring", "ready", timeout_s=8)
    assert now["notice"]["code"] == "secure_timeout"
    stage.desk.wait_state(call.reference, "ready", timeout_s=12)
    voices_flow(stage)
    call.hang_up()


def test_secure_pressed_twice_is_refused_the_second_time(stage: Stage) -> None:
    partner_faults(stage, secure_delay_ms=500)
    call = stage.call()
    call.dial()
    stage.desk.press(call.reference, "secure")
    with pytest.raises(DeskError) as refused:
        stage.desk.press(call.reference, "secure")
    assert refused.value.status == 409
    stage.desk.wait_state(call.reference, "secured")
    call.release()
    call.hang_up()


def test_the_same_press_sent_twice_counts_once(stage: Stage) -> None:
    call = stage.call()
    call.dial()
    stage.desk.press(call.reference, "secure", key="press-1-of-this-test")
    stage.desk.press(call.reference, "secure", key="press-1-of-this-test")
    stage.desk.wait_state(call.reference, "secured")
    call.release()
    call.hang_up()


def test_secure_on_a_dead_call(stage: Stage) -> None:
    call = stage.call()
    call.dial()
    call.hang_up()
    with pytest.raises(DeskError) as refused:
        stage.desk.press(call.reference, "secure")
    assert refused.value.status in {404, 409, 410}


def test_another_tenants_agent_sees_and_presses_nothing(stage: Stage) -> None:
    call = stage.call()
    call.dial()
    with stage.world.desk("bob") as other:
        assert call.reference not in [row["reference"] for row in other.calls()]
        with pytest.raises(DeskError) as refused:
            other.press(call.reference, "secure")
        assert refused.value.status in {403, 404}
    call.hang_up()


def test_spoofed_headers_from_the_carrier_change_nothing(stage: Stage) -> None:
    call = stage.call()
    before = frozenset(row["reference"] for row in stage.desk.calls())
    stage.customer.call(
        f"sip:+442079460123@{stage.world.block.kamailio}",
        headers={"X-Payment-Token": "forged", "X-Route-Cookie": "1.k1.x.y", "X-Call-Reference": "0" * 32},
    )
    stage.customer.wait("answered", timeout=10)
    call.reference = str(stage.desk.wait_call(not_in=before)["reference"])
    assert call.reference != "0" * 32
    stage.desk.wait_state(call.reference, "ready")
    _pays(stage, call.reference)


def test_unknown_number_is_404(stage: Stage) -> None:
    stage.customer.call(f"sip:+4930111@{stage.world.block.kamailio}")
    assert stage.customer.wait("ended", timeout=5)["code"] == 404


def test_customer_cancels_with_star(stage: Stage) -> None:
    call = stage.call()
    call.dial()
    stage.ear.mark("press")
    call.secure()
    call.ask()
    stage.customer.press("**", duration_ms=80, gap_ms=100)
    now = stage.desk.wait_state(call.reference, "secured")
    assert now["notice"]["code"] == "capture_cancelled"
    call.release()
    stage.ear.mark("restored")
    assert keys_heard(stage, "press", "restored") == 0
    call.hang_up()


def test_keys_in_the_gap_between_press_and_secured_reach_nobody(stage: Stage) -> None:
    """From the press the hold stops the customer's side, however long the partner takes."""
    partner_faults(stage, secure_delay_ms=1200)
    call = stage.call()
    call.dial()
    _ear_hears(stage)
    stage.ear.mark("press")
    stage.desk.press(call.reference, "secure")
    stage.customer.press(APPROVED.number[:4], duration_ms=80, gap_ms=60)
    stage.desk.wait_state(call.reference, "secured")
    stage.ear.mark("secured")
    assert stage.ear.heard("press", "secured").clean
    call.release()
    call.hang_up()
