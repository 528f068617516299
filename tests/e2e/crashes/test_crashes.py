"""Processes die in the middle of a payment."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from callseal.lab.daemon import Daemon
from callseal.lab.sip_tap import SipMessage
from callseal.lab.story import APPROVED, DIALLED
from tests.support.stage import Stage, keys_heard, partner_faults, voices_flow
from tests.support.successor import killed_and_succeeded

pytestmark = pytest.mark.e2e


def killed_and_started(daemon: Daemon) -> None:
    daemon.kill()
    daemon.restart()


def a_card_is_taken_although_it_dies(
    stage: Stage, name: str, dies: Callable[[Daemon], None] = killed_and_started
) -> None:
    """This daemon is killed and comes again once the line is secured."""
    call = stage.call()
    call.dial()
    stage.ear.mark("press")
    call.secure()
    daemon = stage.world.daemons[name]
    before = daemon.pid
    dies(daemon)
    assert daemon.pid != before
    call.ask()
    call.type_card(APPROVED)
    assert call.charge(4250)["result"]["outcome"] == "approved"
    call.release()
    stage.ear.mark("restored")
    assert keys_heard(stage, "press", "restored") == 0
    voices_flow(stage)
    call.hang_up()


def test_kamailio_dies_between_secure_and_restore(stage: Stage) -> None:
    """No per-call state in Kamailio: a fresh process brings the call home."""
    a_card_is_taken_although_it_dies(stage, "kamailio")


@pytest.mark.parametrize("tls", [frozenset(), frozenset({"partner", "platform"})], ids=["udp", "tls"])
def test_kamailio_dies_while_a_re_invite_waits_for_its_answer(
    stage: Stage, open_stage: Callable[..., Stage], tls: frozenset[str]
) -> None:
    """Its sender has had a 100 and repeats nothing: the partner waits as long as it has patience, the card does not. Then all is as before."""
    stage = open_stage(tls=tls) if tls else stage
    call, customer = stage.call(), stage.customer
    call.dial()
    stage.ear.mark("before")
    voices_flow(stage, seconds=0.4)
    assert stage.ear.heard("before").listened
    stage.ear.mark("press")
    on_its_way = threading.Event()

    def heard(message: SipMessage) -> None:
        if message.label == "re-INVITE" and message.destination == stage.world.site.customer:
            on_its_way.set()

    os.kill(customer.pid, signal.SIGSTOP)
    try:
        with stage.world.sip_tap(heard):
            stage.desk.press(call.reference, "secure")
            assert on_its_way.wait(5)
        killed_and_started(stage.world.daemons["kamailio"])
    finally:
        os.kill(customer.pid, signal.SIGCONT)
    customer.press("4242")
    late = stage.desk.wait_state(call.reference, "restoring", "ready")
    assert late["notice"]["code"] in {"secure_timeout", "media_silent"}
    stage.desk.wait(call.reference, lambda now: now["state"] == "ready", "the way home", 30)
    stage.ear.mark("home")
    assert stage.ear.heard("press", "home").clean
    voices_flow(stage)
    assert call.pay()["result"]["outcome"] == "approved"
    call.hang_up()


def test_desk_is_down_during_the_hand_off(stage: Stage) -> None:
    desk = stage.world.daemons["desk"]
    desk.kill()
    stage.customer.call(f"sip:{DIALLED}@{stage.world.block.kamailio}")
    stage.customer.wait("answered", timeout=10)
    voices_flow(stage)
    desk.restart()
    with stage.world.desk() as agent:
        found = agent.wait_call(timeout_s=15)
        agent.wait_state(found["reference"], "ready")
        assert len(agent.calls()) == 1, "delivered exactly once"
        stage.customer.hangup()
        agent.wait_state(found["reference"], "ended")


@pytest.fixture(scope="module")
def slow_psp(open_stage: Callable[..., Stage]) -> Stage:
    """A PSP that thinks for two seconds, so that a crash surely falls between charge and result."""
    return open_stage(psp={"answer_ms": 2000})


@pytest.mark.parametrize("moment", ["secured", "captured", "authorising"])
def test_desk_restarts_in_the_middle(slow_psp: Stage, moment: str) -> None:
    stage = slow_psp
    call = stage.call()
    call.dial()
    stage.ear.mark("press")
    call.secure()
    if moment != "secured":
        call.ask()
        call.type_card(APPROVED)
    if moment == "authorising":
        stage.desk.press(call.reference, "charge", {"amount": 4250, "currency": "GBP"})
        time.sleep(0.7)  # the charge is at the PSP, its result is not here yet
    desk = stage.world.daemons["desk"]
    desk.kill()
    desk.restart()
    with stage.world.desk() as agent:
        call.desk = agent
        if moment == "secured":
            agent.wait_state(call.reference, "secured")
            call.ask()
            call.type_card(APPROVED)
        if moment == "authorising":
            agent.wait_state(call.reference, "approved", timeout_s=15)
        else:
            agent.wait_state(call.reference, "captured")
            assert call.charge(4250)["result"]["outcome"] == "approved"
        call.release()
        stage.ear.mark("restored")
        assert keys_heard(stage, "press", "restored") == 0
        call.hang_up()


def test_desk_dead_while_a_hold_is_on(stage: Stage) -> None:
    """The hold expires by itself: a dead desk never mutes a call for good."""
    partner_faults(stage, refuse_secure=False, secure_delay_ms=30_000)
    call = stage.call()
    call.dial()
    stage.desk.press(call.reference, "secure")
    time.sleep(0.5)
    desk = stage.world.daemons["desk"]
    desk.kill()
    before = stage.agent.stats()["received_packets"]
    time.sleep(1)
    held = stage.agent.stats()["received_packets"] - before
    assert held < 10, "the hold stops the customer's audio towards the agent"
    deadline = time.monotonic() + 20
    while stage.agent.stats()["received_packets"] - before < 50:
        assert time.monotonic() < deadline, "the hold did not expire"
        time.sleep(0.2)
    partner_faults(stage, secure_delay_ms=0)
    stage.customer.hangup()
    stage.agent.wait("ended", timeout=5)
    desk.restart()


def test_edge_agent_dies_while_secured(stage: Stage) -> None:
    """A fresh process, in whose memory the call has never been, answers for the secured line and sees it come home."""
    a_card_is_taken_although_it_dies(stage, "edge-agent", killed_and_succeeded)


def test_partner_is_down_and_the_number_says_bypass(open_stage: Callable[..., Stage]) -> None:
    stage = open_stage()
    stage.world.daemons["partner"].kill()
    stage.customer.call(f"sip:{DIALLED}@{stage.world.block.kamailio}")
    stage.customer.wait("answered", timeout=15)
    voices_flow(stage)
    found = stage.desk.wait_call()
    assert found["payments"]["allowed"] is False
    assert found["payments"]["reason"] == "partner_down"
    stage.customer.hangup()
    stage.desk.wait_state(found["reference"], "ended")


def test_partner_is_down_and_the_number_says_reject(open_stage: Callable[..., Stage]) -> None:
    stage = open_stage(settings={"partner_down": '"reject"'})
    stage.world.daemons["partner"].kill()
    stage.customer.call(f"sip:{DIALLED}@{stage.world.block.kamailio}")
    assert stage.customer.wait("ended", timeout=15)["code"] == 503
