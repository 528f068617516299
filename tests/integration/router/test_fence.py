"""The fence's policies on the wire: what a partner without any mask gets past the edge, how the voice fares, and how it ends.

How much of every kind of press each policy stops is measured without SIP, in tests/integration/fence.
"""

from __future__ import annotations

import pytest

from bench.bleed_sound import pressed_tones
from callseal.audit.tones import ToneDetector
from callseal.wire.g711 import decode_ulaw
from tests.integration.router.conftest import TWO, MakeRig
from tests.integration.router.hearing import heard_while_secured, home_again
from tests.integration.router.rig import AGENT, CUSTOMER, PARTNER_AGENT, Rig
from tests.integration.router.story import Story, inbound
from tests.integration.router.test_refused import refuse
from tests.integration.router.test_srtp import SRTP
from tests.support.rtp_talker import Talker

pytestmark = pytest.mark.integration

KEYS = "1*58"


def tones_heard(listener: Talker) -> int:
    detector = ToneDetector()
    return sum(
        len(detector.hear(decode_ulaw(packet.payload)))
        for packet in listener.heard()
        if packet.payload_type == 0
    )


def escapes(story: Story) -> tuple[int, int]:
    """What of four tones and an event (a gap for any clock) the partner lets through reaches the agent: events, tones."""
    rig = story.rig
    rig.agent_media.clear()
    rig.partner_agent_media.press()
    rig.partner_agent_media.say(pressed_tones(KEYS))
    rig.partner_agent_media.press()
    rig.partner_agent_media.say([bytes([PARTNER_AGENT]) * 160] * 20)
    return rig.agent_media.events(), tones_heard(rig.agent_media)


def at_home_again(story: Story) -> None:
    """Home: no fence, no filter, and rtpengine has not died of lifting them (it does of a delay buffer, a second later)."""
    rig = story.rig
    home_again(story)
    rig.agent_media.clear()
    rig.customer_media.press()
    rig.customer_media.say(pressed_tones(KEYS))
    rig.customer_media.say([bytes([CUSTOMER]) * 160] * 5)
    assert (rig.agent_media.events(), tones_heard(rig.agent_media)) == (6, len(KEYS))
    assert rig.rtpengine.alive


@pytest.mark.compat
def test_tones(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"fence": '"tones"'})
    story = inbound(rig)
    story.everybody_talks()
    story.secure()
    heard_while_secured(story)
    assert escapes(story) == (0, 0)
    # A way home that is refused leaves the fence as it was.
    refuse(story, "agent", story.home["agent"], 491)
    rig.sink.wait_leg("agent", "undone", "partner")
    assert rig.agent_media.wait_voice(PARTNER_AGENT) >= 15
    assert escapes(story) == (0, 0)
    assert tones_to_the_partner(rig) == len(KEYS)
    at_home_again(story)
    # And once more: the filter comes back with the fence.
    story.secure()
    assert escapes(story) == (0, 0)
    story.hang_up()


@pytest.mark.compat
@pytest.mark.parametrize("fence", ["events", "tones", "mute"])
def test_an_event_at_timestamp_zero(make_rig: MakeRig, fence: str) -> None:
    """rtpengine 12.5 takes a timestamp of 0 for the last event's, and does not tell it (daemon/codec.c, packet_dtmf_event). It stops it all the same."""
    rig = make_rig(settings={"fence": f'"{fence}"'})
    story = inbound(rig)
    story.everybody_talks()
    story.secure()
    assert rig.partner_agent_media.wait_voice(AGENT) >= 15
    rig.agent_media.clear()
    rig.partner_agent_media.begin_at = 0
    rig.partner_agent_media.press()
    rig.partner_agent_media.say([bytes([PARTNER_AGENT]) * 160] * 15)
    assert rig.agent_media.events() == 0
    home_again(story)
    rig.agent_media.clear()
    rig.customer_media.begin_at = 0
    rig.customer_media.press()
    rig.customer_media.say([bytes([CUSTOMER]) * 160] * 15)
    assert rig.agent_media.events() == 6, "without a fence it is heard"
    story.hang_up()


def tones_to_the_partner(rig: Rig) -> int:
    """The customer leg is the partner's to hear, whole."""
    rig.partner_customer_media.clear()
    rig.customer_media.say(pressed_tones(KEYS))
    rig.customer_media.say([bytes([CUSTOMER]) * 160] * 5)
    return tones_heard(rig.partner_customer_media)


def test_tones_with_srtp(make_rig: MakeRig) -> None:
    rig = make_rig(settings=SRTP | TWO | {"fence": '"tones"'})
    story = inbound(rig)
    story.everybody_talks()
    story.secure("customer")
    heard_while_secured(story)
    assert escapes(story) == (0, 0)
    at_home_again(story)
    story.hang_up()


def test_tones_needs_its_detector(make_rig: MakeRig) -> None:
    """The tests above can fail: without `detect-DTMF` rtpengine does not look at the audio of a leg with telephone-events."""
    rig = make_rig(settings={"fence": '"tones"'}, edits=((" detect-DTMF", ""),))
    story = inbound(rig)
    story.everybody_talks()
    story.secure()
    heard_while_secured(story)
    _, tones = escapes(story)
    assert tones >= len(KEYS) - 1


def test_tones_lets_nothing_but_g711_through(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"fence": '"tones"'})
    story = inbound(rig)
    story.everybody_talks()
    media = rig.partner_agent_media
    both = (
        media.sdp(20)
        .replace(" 0 101", " 9 0 101")
        .replace("a=rtpmap:0", "a=rtpmap:9 G722/8000\r\na=rtpmap:0")
    )
    cseq = story.offer("agent", both)
    seen = story.platform.incoming("INVITE")
    assert "G722" not in seen.body
    assert " 9 " not in seen.body.partition("m=audio")[2].splitlines()[0]
    story.platform.reply(seen, 200, sdp=rig.agent_media.answer(seen.body, 21))
    assert story.partner_agent.answered(cseq).status == 200
    story.partner_agent.ack(cseq)
    wide = both.replace(" 9 0 101", " 9 101").replace("a=rtpmap:0 PCMU/8000\r\n", "")
    cseq = story.offer("agent", wide.replace(f"m=audio {media.port}", f"m=audio {media.port + 2}"))
    refused = story.partner_agent.answered(cseq)
    assert (refused.status, refused.start.partition(" 488 ")[2]) == (488, "Codec Not Fenceable")
    story.partner_agent.ack(cseq)


def test_mute(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"fence": '"mute"'})
    story = inbound(rig)
    story.everybody_talks()
    story.secure()
    rig.partner_agent_media.wait_voice(AGENT)
    rig.agent_media.clear()
    assert escapes(story) == (0, 0)
    assert rig.agent_media.heard() == []
    at_home_again(story)
    story.hang_up()
