"""REFER: passes while the call is open, and is refused while a card may be spoken or typed on it."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.integration.router.conftest import MakeRig
from tests.integration.router.hearing import fence_stands, heard_at_home, heard_while_secured
from tests.integration.router.rig import Rig
from tests.integration.router.story import NUMBER, Leg, Story, inbound
from tests.support.rtp_talker import sdp
from tests.support.sip_peer import Dialog, tag_of

pytestmark = pytest.mark.integration


def sides(story: Story) -> list[tuple[Dialog, Dialog]]:
    return [
        (story.platform, story.partner_agent),
        (story.partner_agent, story.platform),
        (story.carrier, story.partner_customer),
        (story.partner_customer, story.carrier),
    ]


REFER_TO = ("Refer-To: <sip:+442079460777@transfer.example>",)


@pytest.mark.compat
def test_refer_passes_while_open(rig: Rig) -> None:
    story = inbound(rig)
    for sender, taker in sides(story):
        cseq = sender.request("REFER", headers=REFER_TO)
        request = taker.incoming("REFER")
        assert request.get("Refer-To") == REFER_TO[0].partition(": ")[2]
        taker.reply(request, 202)
        assert sender.answered(cseq, "REFER").status == 202


@pytest.mark.compat
def test_refer_is_refused_while_media_is_at_the_partner(rig: Rig) -> None:
    story = inbound(rig)
    story.everybody_talks()
    story.secure()
    before = rig.count("transfers_refused")
    for sender, taker in sides(story):
        assert sender.answered(sender.request("REFER", headers=REFER_TO), "REFER").status == 403
        assert taker.peer.untaken("REFER") == []
    assert rig.count("transfers_refused") == before + 4
    heard_while_secured(story)
    fence_stands(story)
    story.restore()
    cseq = story.platform.request("REFER", headers=REFER_TO)
    story.partner_agent.reply(story.partner_agent.incoming("REFER"), 202)
    assert story.platform.answered(cseq, "REFER").status == 202


@pytest.mark.parametrize("leg", ["customer", "agent"])
def test_refer_with_one_anchor(make_rig: MakeRig, leg: Leg) -> None:
    rig = make_rig(settings={"anchors": '"one"'})
    story = inbound(rig)
    far, near = story.far(leg), story.near(leg)
    cseq = far.request("REFER", headers=REFER_TO)
    near.reply(near.incoming("REFER"), 202)
    assert far.answered(cseq, "REFER").status == 202
    story.secure()
    assert far.answered(far.request("REFER", headers=REFER_TO), "REFER").status == 403


def test_refer_is_refused_when_rtpengine_does_not_say(make_rig: MakeRig) -> None:
    """Closed, not open: a transfer can be tried again."""
    rig = make_rig(edits=((":2224/ng-plain", ":2225/ng-plain"),))
    story = inbound(rig)
    assert story.platform.answered(story.platform.request("REFER", headers=REFER_TO), "REFER").status == 403


def test_refer_outside_a_dialog(rig: Rig) -> None:
    dialog = Dialog.new(rig.platform, f"sip:+442079460000@{rig.kamailio.sip[0]}")
    assert dialog.answered(dialog.request("REFER", headers=REFER_TO), "REFER").status == 405


def named(dialog: Dialog) -> str:
    """The dialog as its peer names it to others (RFC 3891 section 6.1: to-tag is the tag of who gets the INVITE)."""
    return f"{dialog.call_id};to-tag={tag_of(dialog.remote)};from-tag={dialog.tag}"


def refers_to(dialog: Dialog) -> list[str]:
    """Ways to say in a REFER that the dialog is to be replaced."""
    uri, value = f"sip:{NUMBER}@transfer.example", quote(named(dialog), safe="")
    return [
        f"Refer-To: <{uri}?Replaces={value}>",
        f"r: <{uri}?x=y&R%65places={value}>",
        f"Refer-To: <{uri}?Replaces={value}&replaces={quote('a@b;to-tag=1;from-tag=2')}>",
    ]


@pytest.mark.compat
def test_attended_transfer_while_open(rig: Rig) -> None:
    """The agent has asked a colleague (a dialog of the platform's own) and hands the customer over: a call of its own, with
    hand-off, media and a Secure of its own; the first one ends."""
    story = inbound(rig)
    asked = "in-house-1@platform.example;to-tag=c1;from-tag=a1"
    refer = (f"Refer-To: <sip:{NUMBER}@transfer.example?Replaces={quote(asked, safe='')}>",)
    cseq = story.platform.request("REFER", headers=refer)
    taken = story.partner_agent.incoming("REFER")
    assert taken.get("Refer-To") == refer[0].partition(": ")[2]
    story.partner_agent.reply(taken, 202)
    assert story.platform.answered(cseq, "REFER").status == 202
    # The partner takes it to the customer's side.
    cseq = story.partner_customer.request("REFER", headers=refer)
    story.carrier.reply(story.carrier.incoming("REFER"), 202)
    assert story.partner_customer.answered(cseq, "REFER").status == 202
    rig.sink.forget()
    second = inbound(rig, carrier_headers=(f"Replaces: {asked}",), second_headers_too=(f"Replaces: {asked}",))
    assert second.leg1_invite is not None
    assert second.leg2_invite is not None
    assert second.leg1_invite.get("Replaces") == second.leg2_invite.get("Replaces") == asked
    assert second.reference != ""
    # Progress of the transfer reaches the agent; then the first call ends.
    event = ("Event: refer", "Subscription-State: terminated;reason=noresource")
    cseq = story.partner_agent.request(
        "NOTIFY", headers=event, body="SIP/2.0 200 OK\r\n", content_type="message/sipfrag"
    )
    notify = story.platform.incoming("NOTIFY")
    assert notify.body == "SIP/2.0 200 OK\r\n"
    story.platform.reply(notify, 200)
    assert story.partner_agent.answered(cseq, "NOTIFY").status == 200
    story.hang_up()
    second.everybody_talks()
    heard_at_home(second)
    second.secure()
    heard_while_secured(second)
    fence_stands(second)


def invite(dialog: Dialog, header: str) -> int:
    """A first INVITE with that header: its final status, 100 when it went on (and is taken back)."""
    cseq = dialog.request("INVITE", sdp=sdp(dialog.peer.address, 40000), headers=(header,))
    try:
        return dialog.answered(cseq, timeout_s=0.6).status
    except AssertionError:
        return 100


@pytest.mark.compat
@pytest.mark.parametrize("header", ["Replaces", "Join"])
def test_nobody_takes_the_place_of_a_secured_dialog(rig: Rig, header: str) -> None:
    """Neither with an INVITE that names it, from any side, nor by a REFER in another call."""
    story = inbound(rig)
    rig.sink.forget()
    other = inbound(rig)
    story.secure()
    before = rig.count("transfers_refused")
    edge = rig.kamailio.sip[0]
    for peer, user in ((rig.platform, NUMBER), (rig.carrier, "+447700900123")):
        for dialog in (story.platform, story.carrier, story.partner_agent):
            stranger = Dialog.new(peer, f"sip:{NUMBER}@{edge}", user=user)
            assert invite(stranger, f"{header}: {named(dialog)}") == 403
    for refer in refers_to(story.platform):
        cseq = other.platform.request("REFER", headers=(refer,))
        assert other.platform.answered(cseq, "REFER").status == 403
    assert rig.count("transfers_refused") == before + 9
    assert rig.partner.untaken("INVITE") == []
    assert other.partner_agent.peer.untaken("REFER") == []
    unknown = f"{story.platform.call_id};to-tag=other;from-tag=tags"
    assert (
        invite(Dialog.new(rig.platform, f"sip:{NUMBER}@{edge}", user=NUMBER), f"{header}: {unknown}") == 403
    )
    two = "Refer-To: <sip:a@b.example>\r\nRefer-To: <sip:c@d.example>"
    assert other.platform.answered(other.platform.request("REFER", headers=(two,)), "REFER").status == 400
    story.restore()
    story.release_hold()
    taker = Dialog.new(rig.platform, f"sip:{NUMBER}@{edge}", user=NUMBER)
    assert invite(taker, f"{header}: {named(story.platform)}") == 100
    came = rig.partner.expect_request("INVITE")
    assert came.get(header) == named(story.platform)
    rig.partner.reply(came, 486, tag="x")


def test_two_dialogs_at_once_are_nobodys(rig: Rig) -> None:
    dialog = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    two = "Replaces: a@b;to-tag=1;from-tag=2\r\nReplaces: c@d;to-tag=1;from-tag=2"
    assert invite(dialog, two) == 400


def test_a_dialog_that_rtpengine_does_not_speak_of_is_not_replaced(make_rig: MakeRig) -> None:
    rig = make_rig(edits=((":2224/ng-plain", ":2225/ng-plain"),))
    dialog = Dialog.new(rig.platform, f"sip:{NUMBER}@{rig.kamailio.sip[0]}", user=NUMBER)
    assert invite(dialog, "Replaces: a@b;to-tag=1;from-tag=2") == 403


def test_a_call_without_the_partner_may_be_replaced(make_rig: MakeRig) -> None:
    """Nothing is ever secured on it."""
    rig = make_rig(settings={"carriers.payments": "false"})
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    first = carrier.request("INVITE", sdp=rig.customer_media.sdp())
    platform = Dialog.of(rig.platform, rig.platform.expect_request("INVITE"))
    assert platform.invite is not None
    platform.reply(platform.invite, 200, sdp=rig.agent_media.sdp())
    carrier.answered(first)
    carrier.ack(first)
    platform.incoming("ACK")
    again = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    assert invite(again, f"Replaces: {named(carrier)}") == 100
    came = rig.platform.expect_request("INVITE")
    assert came.get("Replaces") == named(carrier)
    rig.platform.reply(came, 486, tag="x")
