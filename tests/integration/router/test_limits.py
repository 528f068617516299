"""How much a peer may send: above its limit what is new is turned away, what exists goes on; too big is refused."""

from __future__ import annotations

import socket

import pytest

from tests.integration.router.conftest import MakeRig
from tests.integration.router.rig import Rig
from tests.integration.router.story import NUMBER, inbound
from tests.support.sip_peer import Dialog, Message, SipPeer

pytestmark = pytest.mark.integration

MANY = 40


def limited(make_rig: MakeRig, requests: int, calls: int) -> Rig:
    """A rig in which each peer may send so much a second."""
    return make_rig(edits=((";rps=5000;cps=500", f";rps={requests};cps={calls}"),))


def flood(peer: SipPeer, edge: str, method: str, count: int = MANY, number: str = NUMBER) -> list[Message]:
    """So many requests outside a dialog in one burst; their final replies, those that come in a second."""
    dialogs = [Dialog.new(peer, f"sip:{number}@{edge}", user=NUMBER) for _ in range(count)]
    for dialog in dialogs:
        dialog.request(method)
    finals = []
    for dialog in dialogs:
        try:
            finals.append(dialog.answered(1, method, timeout_s=0.3))
        except AssertionError:
            continue
    return finals


@pytest.mark.compat
def test_above_its_limit_a_peer_is_told_to_wait(make_rig: MakeRig) -> None:
    """Within each second; a burst may fall into two."""
    rig = limited(make_rig, 10, 500)
    before = rig.count("limited")
    finals = flood(rig.carrier, rig.kamailio.sip[0], "OPTIONS")
    refused = [final for final in finals if final.status == 503]
    assert len(finals) == MANY
    assert MANY - 20 <= len(refused) <= MANY - 10
    assert {final.get("Retry-After") for final in refused} == {"2"}
    assert rig.count("limited") == before + len(refused)
    # One peer's flood is no other's.
    assert [final.status for final in flood(rig.platform, rig.kamailio.sip[0], "OPTIONS", 1)] == [200]


@pytest.mark.compat
def test_call_that_is_up_does_not_notice(make_rig: MakeRig) -> None:
    rig = limited(make_rig, 30, 500)
    story = inbound(rig)
    flood(rig.carrier, rig.kamailio.sip[0], "OPTIONS", 60)
    for _ in range(3):
        cseq = story.carrier.request("INVITE", sdp=rig.customer_media.sdp(story.next_version()))
        story.partner_customer.reply(
            story.partner_customer.incoming("INVITE"), 200, sdp=story.home["customer"]
        )
        assert story.carrier.answered(cseq).status == 200
        story.carrier.ack(cseq)
        story.partner_customer.incoming("ACK")
    flood(rig.carrier, rig.kamailio.sip[0], "OPTIONS", 60)
    story.hang_up()


def test_calls_have_a_limit_of_their_own(make_rig: MakeRig) -> None:
    rig = limited(make_rig, 5000, 3)
    finals = flood(rig.carrier, rig.kamailio.sip[0], "INVITE", 12)
    came = rig.partner.untaken("INVITE")
    assert 3 <= len(came) <= 6
    assert [final.status for final in finals] == [503] * (12 - len(came))
    for leg1 in came:
        rig.partner.reply(leg1, 486, tag="x")
    assert [final.status for final in flood(rig.carrier, rig.kamailio.sip[0], "OPTIONS", 1)] == [200]


@pytest.mark.compat
def test_emergency_call_is_never_turned_away(make_rig: MakeRig) -> None:
    """Neither by a limit that others have used up, nor because the partner is down."""
    rig = limited(make_rig, 2, 1)
    rig.rpc("dispatcher.set_state", "ip", 1, f"sip:{rig.partner.address}:5060")
    flood(rig.platform, rig.kamailio.sip[0], "INVITE", 12, number="+447700900555")
    for invite in rig.carrier.untaken("INVITE"):
        rig.carrier.reply(invite, 486, tag="x")
    rig.carrier.heard.clear()
    rig.carrier._taken.clear()
    sos = Dialog.new(rig.platform, f"sip:112@{rig.kamailio.sip[0]}", user="alice")
    cseq = sos.request("INVITE", sdp=rig.agent_media.sdp())
    invite = rig.carrier.expect(lambda m: m.is_request and "sip:112@" in m.uri, "emergency INVITE")
    rig.carrier.reply(invite, 486, tag="x")
    assert sos.answered(cseq).status == 486
    assert rig.partner.untaken("INVITE") == []
    rig.rpc("dispatcher.set_state", "ap", 1, f"sip:{rig.partner.address}:5060")


def test_flood_of_nonsense_is_not_answered_for_ever(make_rig: MakeRig) -> None:
    rig = limited(make_rig, 5, 500)
    dialog = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    bad = dialog.text("INVITE").decode().replace("From: <", "From:: <")
    for place in range(MANY):
        rig.carrier.send(bad.replace(dialog.call_id, f"bad-{place}"))
    flood(rig.carrier, rig.kamailio.sip[0], "OPTIONS", 1)
    answered = [m for m in rig.carrier.heard if m.call_id.startswith("bad-")]
    assert 5 <= len(answered) <= 10
    assert {m.status for m in answered} == {400}


LONG = "X-Long: " + "z" * 4000
SIZES = [
    pytest.param((LONG, LONG), 0, id="long headers"),
    pytest.param(tuple(f"X-{i}: y" for i in range(100)), 0, id="many headers"),
    pytest.param(("X-Long: " + "z" * 4200,), 400, id="a header too long"),
    pytest.param(tuple(f"X-{i}: y" for i in range(130)), 400, id="too many headers"),
    pytest.param((LONG,) * 5, 513, id="message too large"),
]


@pytest.mark.compat
@pytest.mark.parametrize(("headers", "status"), SIZES)
def test_long_headers(rig: Rig, headers: tuple[str, ...], status: int) -> None:
    """Near the limit they pass, unchanged, above it they are refused."""
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    before = rig.count("oversized")
    cseq = carrier.request("INVITE", sdp=rig.customer_media.sdp(), headers=headers)
    if status:
        assert carrier.answered(cseq).status == status
        assert rig.count("oversized") == before + 1
        assert rig.partner.untaken("INVITE") == []
        return
    leg1 = rig.partner.expect_request("INVITE")
    assert [
        f"{name}: {value}" for name, value in leg1.headers if name.startswith("X-") and "Cookie" not in name
    ] == list(headers)
    rig.partner.reply(leg1, 486, tag="x")
    assert carrier.answered(cseq).status == 486


def test_body_too_large(rig: Rig) -> None:
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    cseq = carrier.request("INVITE", sdp=rig.customer_media.sdp(extra="a=x\r\n" * 2500))
    assert carrier.answered(cseq).status == 413


def test_oversized_reply_is_dropped(rig: Rig) -> None:
    """It cannot be refused; the good one that follows passes."""
    story = inbound(rig)
    cseq = story.partner_customer.request("INFO")
    request = story.carrier.incoming("INFO")
    story.carrier.reply(request, 200, headers=(LONG,) * 5)
    story.carrier.reply(request, 202)
    assert story.partner_customer.answered(cseq, "INFO").status == 202


def test_stranger_hears_nothing_at_any_rate(rig: Rig) -> None:
    before = rig.count("strangers")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.81.0.98", 0))
        stranger.settimeout(0.5)
        text = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}").text("OPTIONS")
        for _ in range(200):
            stranger.sendto(text, rig.kamailio.sip)
        with pytest.raises(TimeoutError):
            stranger.recv(2048)
    flood(rig.carrier, rig.kamailio.sip[0], "OPTIONS", 1)
    assert rig.count("strangers") > before
