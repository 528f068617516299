"""Two devices answer one INVITE: the first has the call, and the end of the other's dialog takes nothing away from it."""

from __future__ import annotations

import pytest

from tests.integration.router.conftest import MakeRig
from tests.integration.router.hearing import (
    fence_stands,
    heard_at_home,
    heard_while_secured,
    secured_and_heard,
)
from tests.integration.router.rig import Rig
from tests.integration.router.story import NUMBER, TOKEN, Story, second_headers, second_leg
from tests.support.rtp_talker import Talker, sdp
from tests.support.sip_peer import Dialog, uri_of

pytestmark = pytest.mark.integration


def forked(rig: Rig, *, rang: bool) -> tuple[Story, Dialog, Dialog]:
    """A call that a second device of the platform answers, too (`rang`: it has had early media before). Out: the call, the loser
    as the partner sees it, the loser."""
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    first = carrier.request("INVITE", sdp=rig.customer_media.sdp())
    leg1 = rig.partner.expect_request("INVITE")
    rig.partner.reply(leg1, 100)
    partner_customer, partner_agent = Dialog.of(rig.partner, leg1), second_leg(rig, leg1)
    second = partner_agent.request("INVITE", sdp=leg1.body, headers=second_headers(leg1, TOKEN))
    leg2 = rig.platform.expect_request("INVITE")
    winner, loser = Dialog.of(rig.platform, leg2), Dialog.of(rig.platform, leg2)
    with Talker(rig.platform.address, 0x55) as device:
        if rang:
            loser.reply(leg2, 183, sdp=device.sdp())
            partner_agent.provisional(183)
        winner.reply(leg2, 200, sdp=rig.agent_media.sdp())
        answer2 = partner_agent.answered(second)
        loser.reply(leg2, 200, sdp=device.sdp())
    late = rig.partner.expect(
        lambda m: m.call_id == partner_agent.call_id and m.status == 200 and loser.tag in m.get("To"),
        "second 200",
    )
    assert late.body == "", "no answer for who has lost"
    other = Dialog(
        peer=rig.partner,
        call_id=partner_agent.call_id,
        local=partner_agent.local,
        remote=late.get("To"),
        target=uri_of(late.get("Contact")),
        routes=list(reversed(late.all("Record-Route"))),
        cseq=second,
    )
    other.ack(second)
    assert rig.platform.expect_request("ACK").get("To") == late.get("To")
    partner_customer.reply(leg1, 200, sdp=answer2.body)
    answer1 = carrier.answered(first)
    carrier.ack(first)
    partner_customer.incoming("ACK")
    partner_agent.ack(second)
    winner.incoming("ACK")
    story = Story(rig, carrier, partner_customer, partner_agent, winner)
    story.home = {"customer": answer2.body, "agent": leg1.body}
    story.at_carrier, story.at_platform = answer1.body, leg2.body
    story.everybody_talks()
    return story, other, loser


@pytest.mark.two_anchors
@pytest.mark.compat
@pytest.mark.parametrize(("who", "rang"), [("partner", False), ("device", True)])
def test_the_losers_bye_leaves_the_winner_its_anchor(rig: Rig, who: str, rang: bool) -> None:
    before = rig.count("forks_lost")
    story, other, loser = forked(rig, rang=rang)
    assert rig.count("forks_lost") == before + 1
    heard_at_home(story)
    sender, taker = (other, loser) if who == "partner" else (loser, other)
    cseq = sender.request("BYE")
    taker.reply(taker.peer.expect_request("BYE"), 200)
    assert sender.answered(cseq, "BYE").status == 200
    assert rig.anchored(story.platform.call_id, "agent")
    heard_at_home(story)
    assert "ended" not in rig.sink.kinds(), "the call goes on"
    secured_and_heard(story)
    # The agent hangs up: now everything goes, devices that have rung included.
    cseq = story.platform.request("BYE")
    story.partner_agent.reply(story.partner_agent.incoming("BYE"), 200)
    assert story.platform.answered(cseq, "BYE").status == 200
    assert not rig.anchored(story.platform.call_id, "agent")
    rig.sink.wait_leg("agent", "ended")


@pytest.mark.compat
def test_a_device_that_rang_keeps_no_anchor(rig: Rig) -> None:
    """The twin without a second answer: whoever hangs up, the anchor goes."""
    for sender in ("platform", "partner_agent"):
        carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
        carrier.request("INVITE", sdp=rig.customer_media.sdp())
        leg1 = rig.partner.expect_request("INVITE")
        rig.partner.reply(leg1, 100)
        partner_agent = second_leg(rig, leg1)
        second = partner_agent.request("INVITE", sdp=leg1.body, headers=second_headers(leg1, TOKEN))
        leg2 = rig.platform.expect_request("INVITE")
        platform = Dialog.of(rig.platform, leg2)
        Dialog.of(rig.platform, leg2).reply(leg2, 183, sdp=sdp(rig.platform.address, 40000))
        partner_agent.provisional(183)
        platform.reply(leg2, 200, sdp=rig.agent_media.sdp())
        partner_agent.answered(second)
        partner_agent.ack(second)
        platform.incoming("ACK")
        ends, hears = (platform, partner_agent) if sender == "platform" else (partner_agent, platform)
        cseq = ends.request("BYE")
        hears.reply(hears.incoming("BYE"), 200)
        assert ends.answered(cseq, "BYE").status == 200
        assert not rig.anchored(platform.call_id, "agent"), f"BYE of the {sender}"
        rig.partner.reply(leg1, 486, tag="x")


@pytest.mark.compat
def test_a_dialog_that_has_lost_moves_nothing(rig: Rig) -> None:
    story, other, _ = forked(rig, rang=False)
    cseq = other.request("INVITE", sdp=rig.partner_agent_media.sdp(9))
    assert other.answered(cseq).status == 488
    assert rig.platform.untaken("INVITE") == []
    heard_at_home(story)


def test_with_one_anchor(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"anchors": '"one"'})
    story, other, loser = forked(rig, rang=True)
    story.secure()
    cseq = other.request("BYE")
    loser.reply(rig.platform.expect_request("BYE"), 200)
    assert other.answered(cseq, "BYE").status == 200
    heard_while_secured(story)
    fence_stands(story)


@pytest.mark.compat
@pytest.mark.parametrize("anchors", ["one", "two"])
def test_where_rtpengine_cannot_say_the_edge_agent_is_told_whose_end_it_is(
    make_rig: MakeRig, anchors: str
) -> None:
    """At home with one anchor there is none to ask; with two it has died."""
    rig = make_rig(settings={"anchors": f'"{anchors}"'})
    story, other, loser = forked(rig, rang=False)
    lost = rig.sink.wait_leg("agent", "lost")["tag"]
    if anchors == "two":
        rig.rtpengine.kill()
    try:
        cseq = loser.request("BYE")
        other.reply(rig.partner.expect_request("BYE"), 200)
        assert loser.answered(cseq, "BYE").status == 200
        assert rig.sink.wait_leg("agent", "ended")["tag"] == lost
        rig.sink.forget()
        cseq = story.platform.request("BYE")
        story.partner_agent.reply(story.partner_agent.incoming("BYE"), 200)
        assert story.platform.answered(cseq, "BYE").status == 200
        assert rig.sink.wait_leg("agent", "ended")["tag"] not in ("", lost)
    finally:
        if anchors == "two":
            rig.restart_rtpengine()
