"""Messages that say one thing to the router and another to the next hop: hidden SDP."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.integration.router.conftest import MakeRig
from tests.integration.router.rig import AGENT, CUSTOMER, Rig
from tests.integration.router.smuggling import (
    SDP_TYPE,
    VICTIM,
    Edit,
    edited,
    length_zero,
    multipart,
    part,
    replacing,
    without_length,
)
from tests.integration.router.story import NUMBER, inbound, place
from tests.support.rtp_talker import sdp
from tests.support.sip_peer import Dialog

pytestmark = pytest.mark.integration


def as_sdp(message_sdp: str) -> tuple[str, str]:
    return "application/sdp", message_sdp


def two_parts(message_sdp: str) -> tuple[str, str]:
    good = message_sdp.replace(VICTIM, "127.81.0.21")
    return "multipart/alternative;boundary=b", multipart(part(SDP_TYPE, good), part(SDP_TYPE, message_sdp))


def nested(message_sdp: str) -> tuple[str, str]:
    inner = multipart(part(SDP_TYPE, message_sdp, "c"), boundary="c")
    return "multipart/mixed;boundary=b", multipart(
        part("Content-Type: multipart/mixed;boundary=c", inner.replace("--b", "--c"))
    )


def no_blank(message_sdp: str) -> tuple[str, str]:
    return "multipart/mixed;boundary=b", multipart(part(SDP_TYPE.replace(" ", ""), message_sdp))


def parameter(message_sdp: str) -> tuple[str, str]:
    return "multipart/mixed;boundary=b", multipart(part(SDP_TYPE + ";x=y", message_sdp))


HIDDEN = [
    pytest.param(as_sdp, without_length, id="no length"),
    pytest.param(as_sdp, length_zero, id="length 0"),
    pytest.param(as_sdp, replacing(SDP_TYPE, f"Content-Type: text/plain\r\n{SDP_TYPE}"), id="two types"),
    pytest.param(as_sdp, replacing(SDP_TYPE, "Content-Type: application / sdp"), id="blanks in the type"),
    pytest.param(as_sdp, replacing(SDP_TYPE, "c: APPLICATION/SDP;x=y"), id="compact"),
    pytest.param(two_parts, str, id="two parts"),
    pytest.param(nested, str, id="nested"),
    pytest.param(no_blank, str, id="no blank in the part"),
    pytest.param(parameter, str, id="parameter in the part"),
]


@pytest.mark.compat
@pytest.mark.parametrize(("body_of", "edit"), HIDDEN)
def test_hidden_sdp_is_refused(rig: Rig, body_of: Callable[[str], tuple[str, str]], edit: Edit) -> None:
    story = inbound(rig)
    content_type, body = body_of(sdp(VICTIM, 4000, 7))
    with edited(rig.partner, edit):
        cseq = story.partner_agent.request("INVITE", body=body, content_type=content_type)
    assert story.partner_agent.answered(cseq).status in (400, 415, 488, 500)
    assert rig.platform.untaken("INVITE") == []


@pytest.mark.compat
@pytest.mark.parametrize(("body_of", "edit"), HIDDEN)
def test_hidden_sdp_opens_no_call(rig: Rig, body_of: Callable[[str], tuple[str, str]], edit: Edit) -> None:
    """A carrier's SDP may point anywhere: what is understood is anchored, the rest is refused."""
    content_type, body = body_of(sdp(VICTIM, 4000, 7))
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    with edited(rig.carrier, edit):
        cseq = carrier.request("INVITE", body=body, content_type=content_type)
    deadline = time.monotonic() + 4
    while not (came := rig.partner.untaken("INVITE")) and time.monotonic() < deadline:
        if any(m.call_id == carrier.call_id and m.status >= 200 for m in rig.carrier.heard):
            assert carrier.answered(cseq).status in (400, 415, 488, 503)
            return
        time.sleep(0.01)
    assert VICTIM not in came[0].body
    rig.partner.reply(came[0], 486, tag="x")


@pytest.mark.compat
@pytest.mark.parametrize(("body_of", "edit"), HIDDEN)
def test_hidden_sdp_of_a_reply_is_removed(
    rig: Rig, body_of: Callable[[str], tuple[str, str]], edit: Edit
) -> None:
    story = inbound(rig)
    cseq = story.platform.request("INVITE", sdp=rig.agent_media.sdp(5))
    request = story.partner_agent.incoming("INVITE")
    content_type, body = body_of(sdp(VICTIM, 4000, 7))
    with edited(rig.partner, edit):
        rig.partner.reply(request, 200, tag=story.partner_agent.tag, body=body, content_type=content_type)
    assert VICTIM not in story.platform.answered(cseq).text
    story.platform.ack(cseq)


@pytest.mark.compat
def test_sdp_in_one_part_of_several_is_anchored(rig: Rig) -> None:
    """An emergency caller's location, for one, comes along with the SDP."""
    story = inbound(rig)
    story.everybody_talks()
    body = multipart(
        part(SDP_TYPE, rig.partner_agent_media.sdp(7)),
        part("Content-Type: application/pidf+xml", "<presence/>"),
    )
    cseq = story.partner_agent.request("INVITE", body=body, content_type="multipart/mixed;boundary=b")
    request = story.platform.incoming("INVITE")
    assert str(rig.deployment.edges[0].media) in request.body
    assert rig.partner_agent_media.address not in request.body
    assert "<presence/>" in request.body
    story.platform.reply(request, 200, sdp=rig.agent_media.sdp(7))
    assert story.partner_agent.answered(cseq).status == 200
    story.partner_agent.ack(cseq)


@pytest.mark.compat
def test_address_behind_many_lines_is_seen(rig: Rig) -> None:
    story = inbound(rig)
    padding = "a=x\r\n" * 700
    offer = rig.partner_agent_media.sdp(7, extra=f"{padding}m=audio 4000 RTP/AVP 0\r\nc=IN IP4 {VICTIM}\r\n")
    cseq = story.partner_agent.request("INVITE", sdp=offer)
    assert story.partner_agent.answered(cseq).status == 488
    assert rig.platform.untaken("INVITE") == []


@pytest.mark.compat
def test_sdp_that_answers_no_offer_moves_no_media(rig: Rig) -> None:
    """A 200 to OPTIONS shows what a device could do, often with port 0. (INFO here: the peer answers OPTIONS itself.)"""
    story = inbound(rig)
    story.everybody_talks()
    cseq = story.partner_customer.request("INFO")
    story.carrier.reply(story.carrier.incoming("INFO"), 200, sdp=sdp(rig.customer_media.address, 0, 9))
    assert story.partner_customer.answered(cseq, "INFO").body == ""
    assert rig.agent_media.wait_voice(CUSTOMER) >= 15
    assert rig.customer_media.wait_voice(AGENT) >= 15


def test_one_anchor_is_not_passed_by_when_rtpengine_does_not_say(make_rig: MakeRig) -> None:
    """While secured, the platform's refresh untouched would take the partner round the fence."""
    rig = make_rig(settings={"anchors": '"one"'}, edits=((":2224/ng-plain", ":2225/ng-plain"),))
    story = inbound(rig)
    story.secure()
    cseq = story.platform.request("INVITE", sdp=rig.agent_media.sdp(3))
    request = story.partner_agent.incoming("INVITE")
    assert place(request.body)[0] == str(rig.deployment.edges[0].media)
    story.partner_agent.reply(request, 488)
    assert story.platform.answered(cseq).status == 488
    story.platform.ack(cseq)
    # A refused offer of which nobody knows what was before takes no anchor away.
    cseq = story.offer("agent", rig.partner_agent_media.sdp(9))
    story.platform.reply(story.platform.incoming("INVITE"), 491)
    assert story.partner_agent.answered(cseq).status == 491
    assert rig.anchored(story.partner_agent.call_id, "agent")
