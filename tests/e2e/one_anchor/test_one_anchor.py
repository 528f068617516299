"""anchors = one: the normal call crosses one rtpengine session; while secured it is as safe as with two."""

from __future__ import annotations

import time
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


def test_a_late_partner_and_a_dead_desk(open_stage: Callable[..., Stage]) -> None:
    """The hold of the press has run out when the partner begins to move the legs, and the agent's phone takes its time with the
    re-INVITE: the customer is at home, the agent leg is not."""
    stage = open_stage(settings={"anchors": '"one"'}, partner={"secure_delay_ms": 13_000})
    call = stage.call()
    call.dial()
    stage.agent.refuse_reinvite(code=0)  # never answered
    stage.desk.press(call.reference, "secure")
    begins = time.monotonic() + 13
    desk = stage.world.daemons["desk"]
    desk.kill()
    held = stage.agent.stats()["received_packets"]
    deadline = time.monotonic() + 12
    while stage.agent.stats()["received_packets"] - held < 25:
        assert time.monotonic() < deadline, "the hold did not run out"
        time.sleep(0.1)
    stage.ear.mark("ordinary")
    stage.customer.press("12")
    stage.ear.mark("waiting")
    assert keys_heard(stage, "ordinary", "waiting") == 2, "nobody is asked for a card: the call goes on"

    stage.agent.wait("reinvite", timeout=begins - time.monotonic() + 3)
    stage.ear.mark("moving")
    stage.customer.press("3456")
    stage.ear.mark("moved")
    heard = stage.ear.heard("moving", "moved")
    assert heard.keys == 0, "the ear heard two keys a moment ago"
    stage.customer.hangup()
    stage.agent.wait("ended", timeout=5)
    desk.restart()
