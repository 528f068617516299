"""Refresh, hold and resume by every side, at home and while secured: the state does not flip and the fence stays."""

from __future__ import annotations

import pytest

from tests.integration.router.hearing import (
    fence_stands,
    heard_at_home,
    heard_while_secured,
    secured_and_heard,
)
from tests.integration.router.rig import AGENT, CUSTOMER, Rig
from tests.integration.router.story import Leg, Story, inbound
from tests.support.rtp_talker import Talker

pytestmark = pytest.mark.integration

LEGS: tuple[Leg, Leg] = ("customer", "agent")


def offer_of_far(story: Story, leg: Leg, sdp: str, answer: str, method: str = "INVITE") -> str:
    """A re-INVITE or UPDATE of carrier or platform, accepted by the partner; returns the SDP it is answered with."""
    far, near = story.far(leg), story.near(leg)
    cseq = far.request(method, sdp=sdp)
    request = near.incoming(method)
    assert story.far_media(leg).address not in request.body
    near.reply(request, 200, sdp=answer)
    final = far.answered(cseq, method)
    assert final.status == 200, final.start
    if method == "INVITE":
        far.ack(cseq)
        near.incoming("ACK")
    return final.body


def offer_of_partner(story: Story, leg: Leg, sdp: str, method: str = "INVITE") -> str:
    if method == "INVITE":
        return story.move(leg, sdp)
    near, far = story.near(leg), story.far(leg)
    cseq = near.request(method, sdp=sdp)
    far.reply(far.incoming(method), 200, sdp=story.far_media(leg).sdp(story.next_version()))
    final = near.answered(cseq, method)
    assert final.status == 200, final.start
    return final.body


def on_hold(talker: Talker, version: int, how: str) -> str:
    if how != "0.0.0.0":
        return talker.sdp(version, direction=how)
    return talker.sdp(version).replace(f"c=IN IP4 {talker.address}", "c=IN IP4 0.0.0.0")


def secured(rig: Rig) -> tuple[Story, list[str]]:
    story = inbound(rig)
    story.everybody_talks()
    story.secure()
    heard_while_secured(story)
    rig.sink.wait_leg("customer", "unheld")
    return story, rig.sink.kinds()


@pytest.mark.compat
@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_session_timer_refresh_while_secured(rig: Rig, method: str) -> None:
    """From all four sides, each with the SDP it had: nothing moves, nothing is told, the fence stands."""
    story, told = secured(rig)
    for leg in LEGS:
        now = story.partner_media(leg).sdp(story.version)
        offer_of_far(story, leg, story.far_media(leg).sdp(story.version), now, method)
        offer_of_partner(story, leg, now, method)
    heard_while_secured(story)
    fence_stands(story)
    assert rig.agent_media.voices(CUSTOMER) == 0
    story.restore()
    rig.sink.wait_leg("customer", "held")
    assert rig.sink.kinds()[: len(told)] == told
    assert rig.sink.kinds()[len(told)] == "customer held home", "a refresh counted as a move"
    story.release_hold()
    heard_at_home(story)


@pytest.mark.compat
def test_update_without_sdp_is_a_refresh_too(rig: Rig) -> None:
    story, told = secured(rig)
    timer = ("Supported: timer", "Session-Expires: 1800;refresher=uac")
    for leg in LEGS:
        for sender, taker in ((story.far(leg), story.near(leg)), (story.near(leg), story.far(leg))):
            cseq = sender.request("UPDATE", headers=timer)
            request = taker.incoming("UPDATE")
            assert request.get("Session-Expires") == "1800;refresher=uac"
            taker.reply(request, 200, headers=(timer[1],))
            assert sender.answered(cseq, "UPDATE").get("Session-Expires") == "1800;refresher=uac"
    fence_stands(story)
    heard_while_secured(story)
    assert rig.sink.kinds() == told


@pytest.mark.compat
@pytest.mark.parametrize("leg", LEGS)
def test_late_offer_of_the_far_side_while_secured(rig: Rig, leg: Leg) -> None:
    """Its re-INVITE has no SDP: the partner offers in the 200, the answer comes in the ACK. No move, no gap in the fence."""
    story, told = secured(rig)
    far, near = story.far(leg), story.near(leg)
    cseq = far.request("INVITE")
    near.reply(near.incoming("INVITE"), 200, sdp=story.partner_media(leg).sdp(story.next_version()))
    assert far.answered(cseq).status == 200
    far.ack(cseq, story.far_media(leg).sdp(story.version))
    assert near.incoming("ACK").body
    fence_stands(story)
    heard_while_secured(story)
    assert rig.agent_media.voices(CUSTOMER) == 0
    assert rig.sink.kinds() == told


@pytest.mark.compat
@pytest.mark.parametrize("how", ["sendonly", "inactive", "0.0.0.0"])
@pytest.mark.parametrize("leg", LEGS)
def test_hold_and_resume_by_the_far_side_while_secured(rig: Rig, leg: Leg, how: str) -> None:
    story, told = secured(rig)
    talker, partner = story.far_media(leg), story.partner_media(leg)
    other = {"sendonly": "recvonly"}.get(how, "inactive")
    offer_of_far(story, leg, on_hold(talker, 60, how), partner.sdp(story.next_version(), direction=other))
    fence_stands_if(story, leg != "agent")
    offer_of_far(story, leg, talker.sdp(61), partner.sdp(story.next_version()))
    heard_while_secured(story)
    fence_stands(story)
    assert rig.sink.kinds() == told
    story.restore()
    rig.agent_media.clear()
    assert rig.customer_media.wait_voice(AGENT) >= 15
    assert rig.agent_media.voices(CUSTOMER) == 0
    story.release_hold()
    heard_at_home(story)


@pytest.mark.compat
@pytest.mark.parametrize(("leg", "late"), [("customer", True), ("agent", False), ("agent", True)])
def test_a_move_in_the_partners_answer_is_told(rig: Rig, leg: Leg, late: bool) -> None:
    """A partner that leaves while secured by what it answers (or offers late) to the far side's refresh: held on the way home, and
    nobody goes on calling the line secure."""
    story, told = secured(rig)
    far, near = story.far(leg), story.near(leg)
    now = story.far_media(leg).sdp(story.next_version())
    cseq = far.request("INVITE", sdp="" if late else now)
    near.reply(near.incoming("INVITE"), 200, sdp=story.home[leg])
    assert far.answered(cseq).status == 200
    far.ack(cseq, now if late else "")
    near.incoming("ACK")
    rig.sink.wait_leg(leg, "answered", "home")
    news = [kind for kind in rig.sink.kinds(leg) if kind not in told or "home" in kind]
    assert news == (["customer held home"] if leg == "customer" else []) + [f"{leg} answered home"]
    rig.agent_media.clear()
    rig.customer_media.press()
    rig.partner_customer_media.wait_voice(CUSTOMER, packets=5, timeout_s=0.5)
    assert rig.agent_media.voices(CUSTOMER) == 0
    assert rig.agent_media.events() == 0


def fence_stands_if(story: Story, audible: bool) -> None:
    """While the agent's own leg is on hold there is no audio to wait for."""
    if audible:
        fence_stands(story)
    else:
        story.rig.partner_agent_media.press()
        assert story.rig.agent_media.events() == 0


@pytest.mark.parametrize("leg", LEGS)
def test_hold_and_resume_by_the_partner_while_secured(rig: Rig, leg: Leg) -> None:
    story, _ = secured(rig)
    for direction in ("sendonly", "sendrecv"):
        story.move(leg, story.partner_media(leg).sdp(story.next_version(), direction=direction))
    heard_while_secured(story)
    fence_stands(story)
    assert [kind for kind in rig.sink.kinds() if "held home" in kind or "ended" in kind] == []


@pytest.mark.parametrize("how", ["sendonly", "0.0.0.0"])
def test_hold_and_resume_by_the_carrier_at_home(rig: Rig, how: str) -> None:
    """The partner passes it on, as its other leg's re-INVITE, and the agent's side answers."""
    story = inbound(rig)
    story.everybody_talks()
    for sdp in (on_hold(rig.customer_media, 2, how), rig.customer_media.sdp(3)):
        cseq = story.carrier.request("INVITE", sdp=sdp)
        request = story.partner_customer.incoming("INVITE")
        onward = story.partner_agent.request("INVITE", sdp=request.body)
        at_platform = story.platform.incoming("INVITE")
        story.platform.reply(at_platform, 200, sdp=rig.agent_media.sdp(story.next_version()))
        answer = story.partner_agent.answered(onward)
        story.partner_agent.ack(onward)
        story.partner_customer.reply(request, 200, sdp=answer.body)
        assert story.carrier.answered(cseq).status == 200
        story.carrier.ack(cseq)
    heard_at_home(story)
    secured_and_heard(story)


@pytest.mark.compat
@pytest.mark.parametrize("leg", LEGS)
def test_two_re_invites_that_cross(rig: Rig, leg: Leg) -> None:
    """Glare (RFC 3261 14.1): both sides offer at once on one leg, both get 491, media is where it was; the next try works."""
    story = inbound(rig)
    story.everybody_talks()
    near, far = story.near(leg), story.far(leg)
    ours = near.request("INVITE", sdp=story.partner_media(leg).sdp(20))
    theirs = far.request("INVITE", sdp=story.far_media(leg).sdp(20))
    at_far, at_near = far.incoming("INVITE"), near.incoming("INVITE")
    far.reply(at_far, 491)
    near.reply(at_near, 491)
    assert near.answered(ours).status == 491
    assert far.answered(theirs).status == 491
    near.ack(ours)
    far.ack(theirs)
    rig.sink.wait_leg(leg, "undone", "home")
    heard_at_home(story)
    secured_and_heard(story)


@pytest.mark.compat
@pytest.mark.parametrize("first", LEGS)
def test_glare_on_the_second_leg_while_securing(rig: Rig, first: Leg) -> None:
    """One leg is at the partner already when the other is refused: that one is home, the first stays, and the retry secures."""
    story = inbound(rig)
    story.everybody_talks()
    second: Leg = "customer" if first == "agent" else "agent"
    story.to_partner(first)
    cseq = story.offer(second, story.partner_media(second).sdp(20))
    story.far(second).reply(story.far(second).incoming("INVITE"), 491)
    assert story.near(second).answered(cseq).status == 491
    story.near(second).ack(cseq)
    rig.sink.wait_leg(second, "undone", "home")
    story.to_partner(second)
    heard_while_secured(story)
    fence_stands(story)
    assert rig.agent_media.voices(CUSTOMER) == 0
