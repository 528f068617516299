"""What the partner may say to the platform beside SDP: only what is named."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.router.conftest import MakeRig
from tests.integration.router.hearing import heard_at_home
from tests.integration.router.rig import Rig
from tests.integration.router.smuggling import SDP_TYPE, multipart, part
from tests.integration.router.story import NUMBER, TOKEN, inbound, second_headers, second_leg
from tests.support.sip_peer import Dialog

pytestmark = pytest.mark.integration

MIXED = "multipart/mixed;boundary=b"
PLACE = part("Content-Type: application/pidf+xml", "<presence/>")
UNNAMED = {
    "digits": part("Content-Type: application/dtmf-relay", "Signal=5\r\n"),
    "text": part("Content-Type: text/plain", "4242"),
    "no type": "--b\r\nContent-ID: <x>\r\n\r\n4242\r\n",
    "ISUP": part("Content-Type: application/isup;version=itu-t92+", "x"),
    "two types": part("Content-Type: application/pidf+xml\r\nContent-Type: text/plain", "4242"),
    "words beside the type": part("Content-Type: application/pidf+xml; note=4242", "<presence/>"),
    "a header of its own": part("Content-Type: application/pidf+xml\r\nX-Note: 4242", "<presence/>"),
    "nested": part("Content-Type: multipart/mixed;boundary=c", "--c\r\n\r\n4242\r\n--c--\r\n"),
}
FRAMES: dict[str, Callable[[str], str]] = {
    "words before": lambda body: f"4242\r\n{body}",
    "words behind": lambda body: f"{body}4242\r\n",
    "never closed": lambda body: body.replace("--b--\r\n", ""),
}


def bodies(sdp: str) -> list[str]:
    good = multipart(part(SDP_TYPE, sdp), PLACE)
    beside = [multipart(part(SDP_TYPE, sdp), unnamed) for unnamed in UNNAMED.values()]
    return beside + [frame(good) for frame in FRAMES.values()]


@pytest.mark.compat
def test_a_part_that_is_not_named_is_refused(rig: Rig) -> None:
    """And its SDP moves nothing: the next one does."""
    story = inbound(rig)
    story.everybody_talks()
    before, every = rig.count("digits_dropped"), bodies(rig.partner_agent_media.sdp(7))
    for body in every:
        cseq = story.partner_agent.request("INVITE", body=body, content_type=MIXED)
        answer = story.partner_agent.answered(cseq)
        assert answer.status == 415, body
        assert "application/pidf+xml" in answer.get("Accept")
    assert rig.count("digits_dropped") == before + len(every)
    assert rig.platform.untaken("INVITE") == []
    assert rig.sink.kinds() == []
    heard_at_home(story)
    body = multipart(part(SDP_TYPE, rig.partner_agent_media.sdp(8)), PLACE)
    cseq = story.partner_agent.request("INVITE", body=body, content_type=MIXED)
    request = story.platform.incoming("INVITE")
    assert "<presence/>" in request.body
    story.platform.reply(request, 200, sdp=rig.agent_media.sdp(8))
    assert story.partner_agent.answered(cseq).status == 200


@pytest.mark.compat
def test_nor_in_the_first_invite(rig: Rig) -> None:
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    carrier.request("INVITE", sdp=rig.customer_media.sdp())
    leg1 = rig.partner.expect_request("INVITE")
    rig.partner.reply(leg1, 100)
    back, headers = second_leg(rig, leg1), second_headers(leg1, TOKEN)
    bad = multipart(part(SDP_TYPE, leg1.body), UNNAMED["digits"])
    cseq = back.request("INVITE", body=bad, content_type=MIXED, headers=headers)
    assert back.answered(cseq).status == 415
    assert rig.sink.handoffs == []
    # Without any SDP the call goes on, and the body does not.
    back.request("INVITE", body="Signal=5\r\n", content_type="application/dtmf-relay", headers=headers)
    leg2 = rig.platform.expect_request("INVITE")
    assert leg2.body == ""
    rig.platform.reply(leg2, 486, tag="x")
    rig.partner.reply(leg1, 486, tag="x")


@pytest.mark.compat
def test_nor_in_a_reply(rig: Rig) -> None:
    """The platform's own request is no way either."""
    story = inbound(rig)
    before = rig.count("digits_dropped")
    for kind, body in (
        ("application/dtmf-relay", "Signal=5\r\n"),
        (MIXED, multipart(UNNAMED["text"])),
    ):
        cseq = story.platform.request("INFO")
        rig.partner.reply(story.partner_agent.incoming("INFO"), 200, body=body, content_type=kind)
        assert story.platform.answered(cseq, "INFO").body == ""
    assert rig.count("digits_dropped") == before + 2
    # The carrier's side hears what it likes.
    cseq = story.carrier.request("INFO")
    rig.partner.reply(story.partner_customer.incoming("INFO"), 200, body="x", content_type="text/plain")
    assert story.carrier.answered(cseq, "INFO").body == "x"


def test_a_platform_that_wants_digits_gets_them(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"dtmf_info": "true"})
    story = inbound(rig)
    body = multipart(part(SDP_TYPE, rig.partner_agent_media.sdp(7)), UNNAMED["digits"])
    story.partner_agent.request("INVITE", body=body, content_type=MIXED)
    request = story.platform.incoming("INVITE")
    assert "Signal=5" in request.body
    story.platform.reply(request, 488)
