"""`anchors = "one"`: the normal call crosses one rtpengine session, the agent leg has one only while secured."""

from __future__ import annotations

import re
import time
from functools import partial

import pytest

from tests.integration.router.conftest import MakeRig
from tests.integration.router.rig import AGENT, CUSTOMER, PARTNER_AGENT, PARTNER_CUSTOMER, Rig
from tests.integration.router.story import NUMBER, Leg, Story, inbound, outbound, place
from tests.support.sip_peer import Dialog

pytestmark = pytest.mark.integration


@pytest.fixture
def one(make_rig: MakeRig) -> Rig:
    return make_rig(settings={"anchors": '"one"'})


def talk(story: Story) -> None:
    story.everybody_talks()
    assert story.rig.agent_media.wait_voice(CUSTOMER) >= 15
    assert story.rig.customer_media.wait_voice(AGENT) >= 15


def agent_anchored(story: Story) -> bool:
    return story.rig.anchored(story.partner_agent.call_id, "agent")


@pytest.mark.compat
@pytest.mark.parametrize("first", ["agent", "customer"])
def test_anchor_comes_with_secure_and_goes_with_restore(one: Rig, first: Leg) -> None:
    story = inbound(one)
    assert not agent_anchored(story)
    talk(story)
    for _ in range(2):
        story.secure(first)
        assert agent_anchored(story)
        assert one.partner_customer_media.wait_voice(CUSTOMER) >= 15
        assert one.customer_media.wait_voice(PARTNER_CUSTOMER) >= 15
        assert one.agent_media.wait_voice(PARTNER_AGENT) >= 15
        assert one.partner_agent_media.wait_voice(AGENT) >= 15
        one.agent_media.clear()
        one.partner_agent_media.press()
        one.agent_media.wait_voice(PARTNER_AGENT)
        assert one.agent_media.events() == 0
        story.restore()
        assert not agent_anchored(story)
        story.release_hold()
        talk(story)
    story.hang_up()


@pytest.mark.compat
def test_outbound(one: Rig) -> None:
    story = outbound(one)
    talk(story)
    story.secure("agent")
    assert one.partner_customer_media.wait_voice(CUSTOMER) >= 15
    assert one.agent_media.wait_voice(PARTNER_AGENT) >= 15
    story.restore()
    story.release_hold()
    talk(story)
    assert not agent_anchored(story)


@pytest.mark.parametrize("code", [488, 491])
def test_refused_secure_leaves_no_anchor(one: Rig, code: int) -> None:
    story = inbound(one)
    cseq = story.offer("agent", one.partner_agent_media.sdp(5))
    story.platform.reply(story.platform.incoming("INVITE"), code)
    assert story.partner_agent.answered(cseq).status == code
    story.partner_agent.ack(cseq)
    one.sink.wait_leg("agent", "undone", "home")
    assert not agent_anchored(story)
    talk(story)


def test_refused_restore_keeps_the_anchor_and_the_fence(one: Rig) -> None:
    story = inbound(one)
    story.everybody_talks()
    story.secure()
    cseq = story.offer("agent", story.home["agent"])
    story.platform.reply(story.platform.incoming("INVITE"), 491)
    assert story.partner_agent.answered(cseq).status == 491
    story.partner_agent.ack(cseq)
    one.sink.wait_leg("agent", "undone", "partner")
    assert agent_anchored(story)
    assert one.agent_media.wait_voice(PARTNER_AGENT) >= 15
    one.partner_agent_media.press()
    one.agent_media.wait_voice(PARTNER_AGENT)
    assert one.agent_media.events() == 0


def test_refresh_of_the_platform_changes_nothing(one: Rig) -> None:
    """At home untouched, while secured through the anchor."""
    story = inbound(one)
    story.everybody_talks()
    cseq = story.platform.request("INVITE", sdp=one.agent_media.sdp(2))
    request = story.partner_agent.incoming("INVITE")
    assert place(request.body) == (one.agent_media.address, one.agent_media.port)
    story.partner_agent.reply(request, 200, sdp=story.home["agent"])
    assert story.platform.answered(cseq).status == 200
    story.platform.ack(cseq)
    assert not agent_anchored(story)
    story.secure()
    cseq = story.platform.request("INVITE", sdp=one.agent_media.sdp(3))
    request = story.partner_agent.incoming("INVITE")
    assert place(request.body)[0] == str(one.deployment.edges[0].media)
    story.partner_agent.reply(request, 200, sdp=one.partner_agent_media.sdp(9))
    assert story.platform.answered(cseq).status == 200
    story.platform.ack(cseq)
    assert one.agent_media.wait_voice(PARTNER_AGENT) >= 15
    assert one.partner_agent_media.wait_voice(AGENT) >= 15


@pytest.mark.compat
@pytest.mark.parametrize("first", ["agent", "customer"])
def test_no_customer_audio_reaches_the_agent(one: Rig, first: Leg) -> None:
    story = inbound(one)
    story.everybody_talks()
    time.sleep(4.5)
    second: Leg = "customer" if first == "agent" else "agent"
    moved = 0.0
    for leg in (first, second):
        story.to_partner(leg)
        if leg == "customer":
            moved = time.monotonic()
            one.partner_customer_media.clear()
        time.sleep(4)
    assert one.agent_media.voices(CUSTOMER, since=moved + 0.05) == 0
    assert one.partner_customer_media.voices(CUSTOMER) > 150


@pytest.mark.compat
@pytest.mark.parametrize("direction", ["in", "out"])
def test_a_platform_that_speaks_of_ice_is_understood(
    one: Rig, monkeypatch: pytest.MonkeyPatch, direction: str
) -> None:
    """Its candidates would be tried round the edge, and the partner's next SDP with them in it refused: they end here, as at an anchor."""
    ice = "a=ice-ufrag:abcd\r\na=candidate:1 1 UDP 1 127.81.0.40 4000 typ host\r\na=end-of-candidates\r\n"
    with monkeypatch.context() as patch:
        patch.setattr(one.agent_media, "sdp", partial(one.agent_media.sdp, extra=ice))
        story = inbound(one) if direction == "in" else outbound(one)
    assert not any("candidate" in message.text or "a=ice" in message.text for message in one.partner.heard)
    assert place(story.home["customer"]) == (one.agent_media.address, one.agent_media.port)
    talk(story)


@pytest.mark.compat
def test_what_would_pass_untouched_is_refused_when_nobody_could_take_it(one: Rig) -> None:
    """A port beyond 65535 (rtpengine would take none): an offer gets 488, an answer loses its SDP."""
    beyond = re.sub(r"m=audio \d+", "m=audio 70000", one.agent_media.sdp())
    platform = Dialog.new(one.platform, f"sip:+447700900555@{one.kamailio.sip[0]}", user=NUMBER)
    assert platform.answered(platform.request("INVITE", sdp=beyond)).status == 488
    assert one.partner.untaken("INVITE") == []
    story = inbound(one)
    cseq = story.partner_agent.request("INVITE", sdp=story.home["agent"])
    story.platform.reply(story.platform.incoming("INVITE"), 200, sdp=beyond)
    assert story.partner_agent.answered(cseq).body == ""
    story.partner_agent.ack(cseq)
    story.platform.incoming("ACK")
    story.hang_up()


def test_bypass_of_a_call_that_goes_out_is_anchored(one: Rig) -> None:
    """The platform's SDP went to the partner untouched; without the partner it must not go to the carrier like that.

    (The last one here: a partner that says 503 is passed by until it has answered a probe.)
    """
    platform = Dialog.new(one.platform, f"sip:+447700900555@{one.kamailio.sip[0]}", user=NUMBER)
    cseq = platform.request("INVITE", sdp=one.agent_media.sdp())
    leg1 = one.partner.expect_request("INVITE")
    assert place(leg1.body) == (one.agent_media.address, one.agent_media.port)
    one.partner.reply(leg1, 503, tag="x")
    invite = one.carrier.expect_request("INVITE")
    assert place(invite.body)[0] == str(one.deployment.edges[0].media)
    carrier = Dialog.of(one.carrier, invite)
    carrier.reply(invite, 200, sdp=one.customer_media.sdp())
    answer = platform.answered(cseq)
    platform.ack(cseq)
    one.customer_media.target, one.agent_media.target = place(invite.body), place(answer.body)
    assert one.agent_media.wait_voice(CUSTOMER) >= 15
    assert one.customer_media.wait_voice(AGENT) >= 15
