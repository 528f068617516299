"""A paid call with SRTP towards partner and platform, behind a carrier that speaks RTP."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from callseal.lab.phone import Method
from callseal.lab.rootfs import BASELINE, COMPATIBILITY
from tests.support.stage import Stage, keys_heard, partner_faults, voices_flow

pytestmark = [pytest.mark.e2e, pytest.mark.compat]

SRTP = {"partner.media_profile": '"srtp"', "platform.media_profile": '"srtp"'}


# Over TLS, as it should be where the keys are in SIP; and over UDP, the legs in the other order.
WORLDS = {
    BASELINE: ("agent-first", frozenset({"partner", "platform"})),
    COMPATIBILITY: ("customer-first", frozenset[str]()),
}


@pytest.fixture(scope="module", params=WORLDS)
def sealed(request: pytest.FixtureRequest, open_stage: Callable[..., Stage]) -> Stage:
    order, tls = WORLDS[request.param]
    return open_stage(suite=request.param, settings=SRTP, partner={"reinvite_order": order}, tls=tls)


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


@pytest.mark.parametrize("method", ["inband", "info"])
def test_no_key_in_another_form_reaches_the_agent(sealed: Stage, method: Method) -> None:
    """The row of the leak matrix with both barriers up; telephone-events are in the paid call."""
    call = sealed.call(method)
    call.dial()
    call.secure()
    sealed.ear.mark("secured")
    sealed.customer.press("4242", method, duration_ms=120, gap_ms=120)
    sealed.ear.mark("end")
    assert keys_heard(sealed, "secured", "end") == 0
    call.release()
    call.hang_up()


@pytest.mark.parametrize("who", ["agent", "customer"])
def test_a_refused_re_invite_comes_home(sealed: Stage, who: str) -> None:
    """Also when one leg had moved already: it comes home with new keys, and the other must be told of them."""
    call = sealed.call()
    call.dial()
    {"agent": sealed.agent, "customer": sealed.customer}[who].refuse_reinvite(488, 1)
    sealed.desk.press(call.reference, "secure")
    sealed.desk.wait(
        call.reference, lambda now: now["state"] == "ready" and now["notice"] is not None, "home", 15
    )
    voices_flow(sealed)
    call.hang_up()


def test_a_silent_partner_is_passed_by(sealed: Stage) -> None:
    """The last story of a world: the partner counts as down afterwards."""
    partner_faults(sealed, sip_silent=True)
    sealed.customer.call(f"sip:+442079460123@{sealed.world.block.kamailio}")
    sealed.customer.wait("answered", timeout=15)
    voices_flow(sealed)
    sealed.customer.hangup()
    sealed.customer.wait("ended", timeout=5)
    partner_faults(sealed, sip_silent=False)
