"""Small rules that were found by review: each of these is red without its own line of the router."""

from __future__ import annotations

import time

import pytest

from tests.integration.router.conftest import MakeRig
from tests.integration.router.hearing import heard_at_home
from tests.integration.router.rig import Rig
from tests.integration.router.story import NUMBER, inbound
from tests.support.sip_peer import Dialog

pytestmark = pytest.mark.integration


@pytest.mark.compat
def test_the_answer_to_a_cancel_has_one_via(rig: Rig) -> None:
    """The CANCEL is the edge's own: what comes back is for the edge alone, and no malformed reply."""
    before = rig.count("malformed")
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    branch = "z9hG4bKreviewed1"
    cseq = carrier.request("INVITE", sdp=rig.customer_media.sdp(), branch=branch)
    leg1 = rig.partner.expect_request("INVITE")
    rig.partner.reply(leg1, 180, tag="p")
    carrier.provisional(180)
    carrier.request("CANCEL", cseq=cseq, branch=branch)
    cancel = rig.partner.expect_request("CANCEL")
    assert len(cancel.all("Via")) == 1
    rig.partner.reply(cancel, 200, tag="p")
    rig.partner.reply(leg1, 487, tag="p")
    assert carrier.answered(cseq).status == 487
    time.sleep(0.2)
    assert rig.count("malformed") == before


@pytest.mark.compat
@pytest.mark.parametrize("anchors", ["one", "two"])
def test_a_call_that_rtpengine_has_lost_is_not_transferred(make_rig: MakeRig, anchors: str) -> None:
    """Nobody can say whether it was secured."""
    rig = make_rig(settings={"anchors": f'"{anchors}"'})
    story = inbound(rig)
    time.sleep(2.1)
    rig.rtpengine.kill()
    rig.restart_rtpengine()
    for sender in (story.platform, story.carrier):
        cseq = sender.request("REFER", headers=("Refer-To: <sip:+442079460777@transfer.example>",))
        assert sender.answered(cseq, "REFER").status == 403


@pytest.mark.compat
def test_an_undo_knows_the_place_of_before_after_an_early_answer(rig: Rig) -> None:
    """A 183 with SDP, then the refusal: what was asked about the other side does not take the place of what is undone."""
    story = inbound(rig)
    story.everybody_talks()
    heard_at_home(story)
    for leg in ("agent", "customer"):
        cseq = story.offer(leg, story.partner_media(leg).sdp(story.next_version()))
        far = story.far(leg)
        request = far.incoming("INVITE")
        far.reply(request, 183, sdp=story.far_media(leg).sdp(story.next_version()))
        story.near(leg).provisional(183)
        far.reply(request, 488)
        assert story.near(leg).answered(cseq).status == 488
        rig.sink.wait_leg(leg, "undone", "home")
    heard_at_home(story)


@pytest.mark.compat
def test_an_offer_in_an_answer_begins_no_anchor(rig: Rig) -> None:
    """rtpengine has lost the call; the 2xx to a re-INVITE without SDP cannot begin it anew, because its ACK would not know of the
    hold. It loses its SDP, and the next re-INVITE with one begins it."""
    story = inbound(rig)
    rig.rtpengine.kill()
    rig.restart_rtpengine()
    cseq = story.carrier.request("INVITE")
    story.partner_customer.reply(story.partner_customer.incoming("INVITE"), 200, sdp=story.home["customer"])
    answer = story.carrier.answered(cseq)
    assert (answer.status, answer.body) == (200, "")
    assert not rig.anchored(story.carrier.call_id, "customer")
