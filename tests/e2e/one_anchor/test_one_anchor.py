"""anchors = one: the normal call crosses one rtpengine session; while secured it is as safe as with two."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.stage import Stage, keys_heard, voices_flow

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module", params=["agent-first", "customer-first"])
def one(request: pytest.FixtureRequest, open_stage: Callable[..., Stage]) -> Stage:
    return open_stage(settings={"anchors": '"one"'}, partner={"reinvite_order": request.param})


def test_two_payments_in_one_call(one: Stage) -> None:
    call = one.call()
    call.dial()
    for number in range(2):
        one.ear.mark("press")
        assert call.pay(amount=100 + number)["result"]["outcome"] == "approved"
        one.ear.mark("restored")
        assert keys_heard(one, "press", "restored") == 0
        voices_flow(one)
    call.hang_up()


def test_a_refused_re_invite_comes_home(one: Stage) -> None:
    call = one.call()
    call.dial()
    one.agent.refuse_reinvite(488, 1)
    one.desk.press(call.reference, "secure")
    one.desk.wait(
        call.reference, lambda now: now["state"] == "ready" and now["notice"] is not None, "home", 15
    )
    voices_flow(one)
    call.hang_up()
