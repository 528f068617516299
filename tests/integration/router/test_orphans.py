"""An INVITE on its way while Kamailio is started anew: its answer is lost, the call is not (router/orphans.cfg)."""

from __future__ import annotations

import time

import pytest

from tests.integration.router.conftest import MakeRig
from tests.integration.router.rig import BLOCK, CUSTOMER, Rig
from tests.integration.router.story import NUMBER, Leg, Story, inbound
from tests.integration.router.tls_clients import UDP_CARRIER
from tests.support.sip_peer import Dialog, Message, SipPeer, uri_of

pytestmark = [pytest.mark.integration, pytest.mark.compat]


def dies(rig: Rig) -> None:
    rig.kamailio.kill()
    rig.kamailio.restart()


def on_its_way(story: Story, leg: Leg) -> Message:
    """The partner's re-INVITE, as it stands unanswered before the other side when Kamailio dies."""
    story.offer(leg, story.partner_media(leg).sdp(story.next_version()))
    asked = story.far(leg).incoming("INVITE")
    dies(story.rig)
    return asked


@pytest.mark.parametrize("leg", ["customer", "agent"])
def test_who_answered_a_re_invite_gets_an_ack_and_the_call_goes_on(rig: Rig, leg: Leg) -> None:
    story = inbound(rig)
    story.everybody_talks()
    asked, far = on_its_way(story, leg), story.far(leg)
    for _ in range(2):
        far.reply(asked, 200, sdp=story.far_media(leg).sdp(story.next_version()))
    ack = far.incoming("ACK")
    assert ack.uri == uri_of(far.peer.contact)
    assert (ack.cseq, ack.get("From"), ack.get("To")) == (asked.cseq, far.remote, far.local)
    assert len(ack.all("Via")) == 1
    assert story.near(leg).peer.untaken("ACK") == []
    # What the partner does when its patience is over.
    story.secure()
    story.restore()
    story.release_hold()
    assert rig.agent_media.wait_voice(CUSTOMER) >= 15
    story.hang_up()


def test_over_tls_it_goes_back_on_the_same_connection(make_rig: MakeRig) -> None:
    """The partner answers the customer's hold; its connection to the dead Kamailio is gone, so it comes on a new one."""
    rig = make_rig(tls=UDP_CARRIER)
    story = inbound(rig)
    story.carrier.request("INVITE", sdp=rig.customer_media.sdp(5, direction="sendonly"))
    asked = story.partner_customer.incoming("INVITE")
    dies(rig)
    story.partner_customer.reply(asked, 200, sdp=rig.partner_customer_media.sdp(6))
    ack = story.partner_customer.incoming("ACK")
    assert ack.cseq == asked.cseq
    assert ack.get("Via").startswith("SIP/2.0/TLS ")
    story.hang_up()


def test_a_first_invite_is_nobodys_any_more(rig: Rig) -> None:
    """Nobody would be at its other end: the answer is dropped, and who gave it hangs up."""
    story = inbound(rig)
    assert story.leg2_invite is not None
    dies(rig)
    before = rig.count("orphans_acknowledged")
    story.platform.reply(story.leg2_invite, 200, sdp=rig.agent_media.sdp())
    time.sleep(0.3)
    assert rig.platform.untaken("ACK") == []
    assert rig.count("orphans_acknowledged") == before


def test_who_gives_up_need_not_wait(rig: Rig) -> None:
    story = inbound(rig)
    near, branch = story.partner_customer, "z9hG4bKorphan9"
    cseq = near.request("INVITE", sdp=rig.partner_customer_media.sdp(story.next_version()), branch=branch)
    asked = story.carrier.incoming("INVITE")
    dies(rig)
    near.request("CANCEL", cseq=cseq, branch=branch)
    assert near.answered(cseq, "CANCEL").status == 481
    final = near.answered(cseq)
    assert (final.status, final.branch, final.get("To")) == (487, branch, near.remote)
    assert rig.count("orphans_cancelled") == 1
    story.carrier.reply(asked, 200, sdp=rig.customer_media.sdp(story.next_version()))
    story.carrier.incoming("ACK")
    story.secure()
    story.restore()
    story.hang_up()


def test_who_gives_a_first_invite_up_is_told_with_a_tag(rig: Rig) -> None:
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    cseq = carrier.request("INVITE", sdp=rig.customer_media.sdp(), branch="z9hG4bKorphan8")
    rig.partner.expect_request("INVITE")
    dies(rig)
    carrier.request("CANCEL", cseq=cseq, branch="z9hG4bKorphan8")
    assert carrier.answered(cseq, "CANCEL").status == 481
    final = carrier.answered(cseq)
    assert final.status == 487
    assert ";tag=" in final.get("To")


@pytest.mark.parametrize("spoilt", ["a stranger", "malformed", "no Contact", "486"])
def test_nothing_else_is_acknowledged(rig: Rig, spoilt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    story = inbound(rig)
    asked = on_its_way(story, "customer")
    with SipPeer(BLOCK.host(99), BLOCK.kamailio) as stranger:
        if spoilt == "a stranger":
            stranger.reply(asked, 200, sdp=rig.customer_media.sdp(9))
        elif spoilt == "486":
            story.carrier.reply(asked, 486)
        else:
            said: list[str] = []
            with monkeypatch.context() as patch:
                patch.setattr(rig.carrier, "send", said.append)
                story.carrier.reply(asked, 200, sdp=rig.customer_media.sdp(9))
            (text,) = said
            if spoilt == "malformed":
                text = text.replace("Contact:", "Contact\t:", 1).replace("CSeq:", "CSeq : x\r\nCSeq:", 1)
            else:
                text = "".join(line for line in text.splitlines(keepends=True) if "Contact:" not in line)
            rig.carrier.send(text)
        time.sleep(0.3)
        assert stranger.untaken("ACK") == []
    assert rig.carrier.untaken("ACK") == []
    assert rig.count("orphans_acknowledged") == 0
