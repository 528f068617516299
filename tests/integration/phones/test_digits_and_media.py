"""Digits in three encodings, speech both ways, and re-INVITEs that are obeyed or refused."""

from __future__ import annotations

import pytest

from callseal.phones.driver import PhoneError
from callseal.phones.settings import VOICES
from tests.integration.phones.conftest import AGENT, CUSTOMER, Listener, MakePhone
from tests.integration.phones.signals import (
    heard_digits,
    level,
    likeness,
    samples,
    tone_level,
    until,
    wav_samples,
)

pytestmark = pytest.mark.integration

AGENT_URI = f"sip:agent@{AGENT}"
PRESSED = "0123456789*#ABCD"


@pytest.mark.parametrize("method", ["rfc4733", "info"])
@pytest.mark.parametrize("digits", ["4242424242424242", "1111", PRESSED])
def test_digits_are_counted_exactly(make_phone: MakePhone, method: str, digits: str) -> None:
    customer = make_phone("customer", CUSTOMER, say="customer")
    agent = make_phone("agent", AGENT, auto_answer=True)
    customer.call(AGENT_URI)
    customer.wait("answered")
    customer.press(digits, method, duration_ms=60, gap_ms=60)  # type: ignore[arg-type]  # both are methods
    agent.wait("dtmf", method=method, count=len(digits))
    if method == "info":
        until(lambda: customer.count("info", code=200) == len(digits))
    customer.hangup()
    agent.wait("ended")
    assert agent.count("dtmf") == len(digits)
    assert digits not in str(agent.events) + str(customer.events)


def test_rfc4733_length_follows_the_command(make_phone: MakePhone) -> None:
    customer = make_phone("customer", CUSTOMER)
    agent = make_phone("agent", AGENT, auto_answer=True)
    customer.call(AGENT_URI)
    customer.wait("answered")
    customer.press("5", duration_ms=400)
    agent.wait("dtmf", count=1)
    pressed = next(event for event in customer.events if event["event"] == "pressed")
    done = next(event for event in customer.events if event.get("command") == "press")
    assert 460 <= pressed["at"] - done["at"] <= 700


def test_inband_digits_are_in_the_received_sound(make_phone: MakePhone, listener: Listener) -> None:
    customer = make_phone("customer", CUSTOMER, say="customer")
    agent = make_phone("agent", AGENT, auto_answer=True, audio_feed=listener.endpoint)
    customer.call(AGENT_URI)
    customer.wait("answered")
    customer.press(PRESSED, "inband")
    assert heard_digits(samples(listener.frames)) == PRESSED
    assert agent.count("dtmf") == 0
    # Speech goes on after the last key.
    listener.clear()
    until(lambda: len(listener.frames) > 150)
    assert level(samples(listener.frames)) > 200


def test_inband_level_is_the_configured_one(make_phone: MakePhone, listener: Listener) -> None:
    customer = make_phone("customer", CUSTOMER, tone_level_dbm0=-20)
    make_phone("agent", AGENT, auto_answer=True, audio_feed=listener.endpoint)
    customer.call(AGENT_URI)
    customer.wait("answered")
    customer.press("5", "inband", duration_ms=500)
    loud = [frame for frame in listener.frames if level(samples([frame])) > 500]
    middle = samples(loud[3:-3])
    # -20 dBm0: 32636 * 10 ** (-23.17 / 20) = 2265
    assert tone_level(middle, 770) == pytest.approx(2265, rel=0.05)
    assert tone_level(middle, 1336) == pytest.approx(2265 * 1.1, rel=0.05)


def test_speech_both_ways_and_each_hears_the_other(
    make_phone: MakePhone, listener: Listener, second_listener: Listener
) -> None:
    customer = make_phone("customer", CUSTOMER, say="customer", audio_feed=listener.endpoint)
    agent = make_phone("agent", AGENT, say="agent", auto_answer=True, audio_feed=second_listener.endpoint)
    customer.call(AGENT_URI)
    agent.wait("answered")
    listener.clear()
    second_listener.clear()
    until(lambda: min(len(listener.frames), len(second_listener.frames)) >= 200, timeout_s=8)
    voices = {name: wav_samples(VOICES / f"{name}.wav") for name in ("customer", "agent")}
    by_customer = samples(listener.frames[:200])
    by_agent = samples(second_listener.frames[:200])
    assert all(len(frame) == 320 for frame in listener.frames)
    assert likeness(by_customer, voices["agent"]) > 0.9
    assert likeness(by_agent, voices["customer"]) > 0.9
    assert likeness(by_customer, voices["customer"]) < 0.7
    assert likeness(by_agent, voices["agent"]) < 0.7


def test_mute_and_say(make_phone: MakePhone, listener: Listener) -> None:
    customer = make_phone("customer", CUSTOMER, say="customer")
    agent = make_phone("agent", AGENT, auto_answer=True, audio_feed=listener.endpoint)
    customer.call(AGENT_URI)
    customer.wait("answered")
    until(lambda: level(samples(listener.frames)) > 200)

    customer.mute()
    before = agent.stats()["received_packets"]
    until(lambda: level(samples(listener.frames[-25:])) < 20)
    # Packets go on while muted.
    until(lambda: agent.stats()["received_packets"] > before + 40)

    customer.say("agent")
    until(lambda: level(samples(listener.frames[-25:])) > 200)
    with pytest.raises(PhoneError, match="no such voice"):
        customer.say("nobody")


def test_hold_and_unhold(make_phone: MakePhone, listener: Listener) -> None:
    customer = make_phone("customer", CUSTOMER, say="customer", audio_feed=listener.endpoint)
    agent = make_phone("agent", AGENT, say="agent", auto_answer=True)
    customer.call(AGENT_URI)
    customer.wait("media", direction="sendrecv")
    agent.wait("media", direction="sendrecv")
    until(lambda: level(samples(listener.frames[-25:])) > 200)

    customer.hold()
    agent.wait("media", direction="recvonly")
    customer.wait("media", direction="sendonly")
    until(lambda: level(samples(listener.frames[-25:])) < 20)

    customer.unhold()
    agent.wait("media", direction="sendrecv")
    customer.wait("media", direction="sendrecv")
    until(lambda: level(samples(listener.frames[-25:])) > 200)


@pytest.mark.parametrize("code", [488, 491, 500, 603])
def test_refused_reinvite_leaves_the_call_as_it_was(
    make_phone: MakePhone, listener: Listener, code: int
) -> None:
    customer = make_phone("customer", CUSTOMER, say="customer")
    agent = make_phone("agent", AGENT, auto_answer=True, audio_feed=listener.endpoint)
    customer.call(AGENT_URI)
    customer.wait("answered")
    agent.wait("media")
    agent.refuse_reinvite(code, times=2)
    for _ in range(2):
        customer.reinvite()
        assert agent.wait("reinvite")["code"] == code
        assert customer.wait("reinvite", by="local")["code"] == code

    # Sound and digits still arrive on the old media, and the next re-INVITE is taken.
    listener.clear()
    until(lambda: len(listener.frames) > 150)
    assert level(samples(listener.frames)) > 200
    customer.press("12")
    agent.wait("dtmf", count=2)
    customer.reinvite()
    assert customer.wait("reinvite", by="local")["code"] == 200
    assert agent.count("media") == 1
    customer.press("34")
    agent.wait("dtmf", count=4)
    customer.hangup()
    agent.wait("ended")


def test_reinvite_that_is_never_answered(make_phone: MakePhone) -> None:
    customer = make_phone("customer", CUSTOMER)
    agent = make_phone("agent", AGENT, auto_answer=True)
    customer.call(AGENT_URI)
    customer.wait("answered")
    agent.refuse_reinvite(0)
    customer.reinvite()
    agent.wait("reinvite", code=0)
    customer.press("12")
    agent.wait("dtmf", count=2)
    assert customer.count("reinvite") == 0
    agent.hangup()
    customer.wait("ended")


def test_reinvite_without_sdp(make_phone: MakePhone) -> None:
    customer = make_phone("customer", CUSTOMER)
    agent = make_phone("agent", AGENT, auto_answer=True)
    customer.call(AGENT_URI)
    customer.wait("answered")
    agent.reinvite(late_offer=True)
    assert agent.wait("reinvite", by="local")["code"] == 200
    customer.press("12")
    agent.wait("dtmf", count=2)
    assert customer.events[-1]["event"] == "pressed"
    assert agent.count("error") == 0
