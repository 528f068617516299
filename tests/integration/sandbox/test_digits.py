"""Where the digits go: to the capture, once; to the agent, never, unless the mask is off."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from bench.bleed_ear import hear
from bench.bleed_sound import WAYS, hiss, pressed
from callseal.wire.g711 import encode_ulaw
from tests.integration.sandbox.rig import AGENT_VOICE, CUSTOMER_VOICE, LiveCall, Rig
from tests.support.rtp_socket import SAMPLES

pytestmark = pytest.mark.integration

NUMBER = "4242424242424242"
WAY = {way.name: way for way in WAYS}
NEUTRAL = encode_ulaw(round(2000 * math.sin(math.pi * at / 10)) for at in range(20)) * 8


@pytest.fixture
def call(rig: Rig) -> LiveCall:
    call = rig.call()
    call.secure()
    call.customer_voice.clear()
    call.agent_voice.clear()
    return call


def asked(call: LiveCall, *fields: str) -> None:
    assert call.post("capture", {"fields": fields or ["card_number"]}).status_code == 202
    call.wait("capture.started")


def counts(call: LiveCall) -> list[int]:
    return [
        event["data"]["count"]
        for event in call.rig.desk.events
        if event["type"] == "capture.digit" and event["data"]["session"] == call.session
    ]


def info(call: LiveCall, key: str, side: str = "customer") -> None:
    dialog = call.dialog(side)
    cseq = dialog.request(
        "INFO", body=f"Signal={key}\r\nDuration=100\r\n", content_type="application/dtmf-relay"
    )
    assert dialog.answered(cseq, "INFO").status == 200


def test_events_are_captured_and_masked(rig: Rig, call: LiveCall) -> None:
    asked(call)
    call.customer_voice.press(NUMBER)
    assert call.wait("capture.completed")
    assert counts(call) == list(range(1, 17))
    assert call.wait("capture.field_completed")["last4"] == "4242"
    assert call.agent_voice.hears(CUSTOMER_VOICE)
    assert (call.agent_voice.events(), call.agent_voice.tones()) == (0, 0)
    call.hang_up()


def test_info_is_captured_and_not_relayed(rig: Rig, call: LiveCall) -> None:
    asked(call)
    for key in NUMBER:
        info(call, key)
    assert call.wait("capture.completed")
    assert rig.peer.untaken("INFO") == []
    call.hang_up()


def test_both_transports_count_once(rig: Rig, call: LiveCall) -> None:
    asked(call)
    for key in NUMBER:
        call.customer_voice.press(key, gap_frames=1)
        info(call, key)
    assert call.wait("capture.completed")
    assert counts(call) == list(range(1, 17))
    call.hang_up()


def test_every_way_to_press_is_captured_once_and_masked(rig: Rig, call: LiveCall) -> None:
    for number, way in enumerate(WAYS, 1):
        asked(call, "expiry")
        before = len(counts(call))
        call.agent_voice.clear()
        chance = random.Random(way.name)
        call.customer_voice.play(pressed(way, "1133", chance))
        call.customer_voice.play(hiss(12, chance))
        call.wait("capture.completed", number)
        assert counts(call)[before:] == [1, 2, 3, 4], way.name
        heard = hear([(0.0, bytes(packet)) for packet in call.agent_voice.heard])
        assert (heard.keys, heard.strange) == (0, 0), way.name
    call.hang_up()


def test_what_a_carriers_suppression_leaves_is_no_press(rig: Rig, call: LiveCall) -> None:
    asked(call)
    chance = random.Random(3)
    call.customer_voice.play(pressed(replace(WAY["in-band, 40 ms"], ms=25), NUMBER, chance))
    call.customer_voice.press("4")
    call.wait("capture.digit")
    assert counts(call) == [1]
    call.hang_up()


def test_the_comfort_tone_says_nothing_of_the_key(rig: Rig) -> None:
    rig.switch(mask_sound="tone")
    call = rig.call()
    call.secure()
    for key in "17#":
        call.agent_voice.clear()
        call.customer_voice.whistle(key, frames=8, gap_frames=8)
        packets = {packet.payload for packet in call.agent_voice.heard}
        assert NEUTRAL in packets
        # The customer's voice and the one tone, whatever was pressed.
        assert packets - {bytes([CUSTOMER_VOICE]) * SAMPLES, bytes([AGENT_VOICE]) * SAMPLES} == {NEUTRAL}
        assert call.agent_voice.tones() == 0
    call.hang_up()


def test_events_first_do_not_open_the_mask_for_tones(rig: Rig, call: LiveCall) -> None:
    """What rtpengine's own tone mask fails: each event is a gap in the audio, after which it looks in the wrong place."""
    call.customer_voice.press(NUMBER, gap_frames=2)
    call.agent_voice.clear()
    call.customer_voice.whistle("1357924680*#", frames=10)
    assert call.agent_voice.hears(CUSTOMER_VOICE)
    assert call.agent_voice.tones() == 0
    call.hang_up()


def test_a_payload_type_nobody_agreed_on_does_not_pass(rig: Rig, call: LiveCall) -> None:
    call.customer_voice.press("4242", payload_type=97)
    assert call.agent_voice.hears(CUSTOMER_VOICE)
    assert {packet.payload_type for packet in call.agent_voice.heard} == {0}
    call.hang_up()


def test_the_agents_presses_do_not_count(rig: Rig, call: LiveCall) -> None:
    asked(call)
    call.agent_voice.press("4242")
    info(call, "4", side="agent")
    call.customer_voice.press("5")
    call.wait("capture.digit")
    assert counts(call) == [1]
    call.hang_up()


def test_nothing_is_captured_unless_secured(rig: Rig) -> None:
    call = rig.call()
    assert call.post("capture", {"fields": ["card_number"]}).status_code == 409
    info(call, "4")
    call.agent.reply(call.agent.incoming("INFO"), 200)
    assert counts(call) == []
    call.hang_up()


def test_without_the_mask_everything_passes(rig: Rig) -> None:
    rig.switch(mask=False)
    call = rig.call()
    call.secure()
    asked(call)
    call.agent_voice.clear()
    call.customer_voice.press("4242")
    call.customer_voice.whistle("4242")
    info(call, "4")
    call.agent.reply(call.agent.incoming("INFO"), 200)
    call.wait("capture.digit", 4)
    call.agent_voice.clear()
    call.customer_voice.press("1")
    call.customer_voice.whistle("2")
    assert call.agent_voice.hears(CUSTOMER_VOICE)
    assert call.agent_voice.events() >= 5
    assert call.agent_voice.tones() >= 4
    call.hang_up()


def test_prompts_reach_the_customer_alone(rig: Rig, call: LiveCall) -> None:
    def prompt(byte: int, heard: list[bytes]) -> int:
        return sum(payload != bytes([byte]) * SAMPLES for payload in heard)

    asked(call)
    assert call.agent_voice.hears(CUSTOMER_VOICE, 40)
    to_customer = [packet.payload for packet in call.customer_voice.heard]
    to_agent = [packet.payload for packet in call.agent_voice.heard]
    assert prompt(AGENT_VOICE, to_customer) > 20
    assert prompt(CUSTOMER_VOICE, to_agent) == 0
    call.hang_up()


def test_prompts_can_be_switched_off(rig: Rig) -> None:
    rig.switch(prompts=False)
    call = rig.call()
    call.secure()
    asked(call)
    call.customer_voice.clear()
    assert call.customer_voice.hears(AGENT_VOICE, 40)
    voices = {packet.payload for packet in call.customer_voice.heard}
    assert voices == {bytes([AGENT_VOICE]) * SAMPLES}
    call.hang_up()


def test_nothing_of_it_is_written_down(rig: Rig, call: LiveCall) -> None:
    asked(call, "card_number", "security_code")
    call.customer_voice.press(NUMBER + "737")
    call.wait("capture.completed")
    call.hang_up()
    call.wait("session.ended")
    for text in (rig.partner.log_text(), rig.rtpengine.log_text()):
        assert NUMBER not in text
        assert call.token not in text
    assert call.session in rig.partner.log_text()
