"""How much a peer may send: above its limit what is new is turned away, what exists goes on; too big is refused."""

from __future__ import annotations

import socket
import time

import pytest

from tests.integration.router.conftest import MakeRig
from tests.integration.router.emergencies import emergency_goes_out
from tests.integration.router.rig import Rig
from tests.integration.router.story import NUMBER, TOKEN, inbound, second_headers, second_leg
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
    finals = flood(rig.carrier, rig.kamailio.sip[0], "MESSAGE")
    refused = [final for final in finals if final.status == 503]
    assert len(finals) == MANY
    assert MANY - 20 <= len(refused) <= MANY - 10
    assert {final.get("Retry-After") for final in refused} == {"2"}
    assert rig.count("limited") == before + len(refused)
    assert {final.status for final in finals} == {503, 405}
    # One peer's flood is no other's: at the same moment the platform has its own ten (and no probes, which always pass).
    flood(rig.carrier, rig.kamailio.sip[0], "MESSAGE")
    assert [final.status for final in flood(rig.platform, rig.kamailio.sip[0], "MESSAGE", 3)] == [405] * 3


@pytest.mark.compat
def test_call_that_is_up_does_not_notice(make_rig: MakeRig) -> None:
    rig = limited(make_rig, 30, 500)
    story = inbound(rig)
    flood(rig.carrier, rig.kamailio.sip[0], "MESSAGE", 60)
    for _ in range(3):
        cseq = story.carrier.request("INVITE", sdp=rig.customer_media.sdp(story.next_version()))
        story.partner_customer.reply(
            story.partner_customer.incoming("INVITE"), 200, sdp=story.home["customer"]
        )
        assert story.carrier.answered(cseq).status == 200
        story.carrier.ack(cseq)
        story.partner_customer.incoming("ACK")
    flood(rig.carrier, rig.kamailio.sip[0], "MESSAGE", 60)
    story.hang_up()


@pytest.mark.compat
def test_a_probe_is_answered_above_the_limit(make_rig: MakeRig) -> None:
    """Or whoever probes would take the edge for dead while it serves calls. A flood of probes alone meets silence, never 503."""
    rig = limited(make_rig, 10, 500)
    flood(rig.carrier, rig.kamailio.sip[0], "MESSAGE")
    assert [final.status for final in flood(rig.carrier, rig.kamailio.sip[0], "OPTIONS", 3)] == [200] * 3
    before = rig.count("limited")
    dialogs = [Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}") for _ in range(100)]
    for dialog in dialogs:
        dialog.request("OPTIONS")
    time.sleep(0.5)
    finals = [message for message in rig.carrier.heard if message.call_id in {one.call_id for one in dialogs}]
    assert {final.status for final in finals} == {200}
    assert 15 <= len(finals) <= 75
    assert rig.count("limited") == before + 100 - len(finals)


@pytest.mark.compat
def test_the_second_half_of_a_call_is_no_new_call(make_rig: MakeRig) -> None:
    """The partner is at its own limit: what comes back with a good cookie goes on, what has none is turned away."""
    rig = make_rig(edits=(("id=sandbox;rps=5000;cps=500", "id=sandbox;rps=40;cps=1"),))
    for _ in range(4):
        inbound(rig)
        rig.sink.forget()
    finals = flood(rig.partner, rig.kamailio.sip[0], "INVITE", 10)
    assert {final.status for final in finals} == {403, 503}
    # Above its limit of requests it is told so, but never 503: passed on as the answer to the first half, that would mean "down".
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    carrier.request("INVITE", sdp=rig.customer_media.sdp())
    leg1 = rig.partner.expect_request("INVITE")
    rig.partner.reply(leg1, 100)
    for _ in range(60):
        Dialog.new(rig.partner, f"sip:{NUMBER}@{rig.kamailio.sip[0]}").request("MESSAGE")
    back = second_leg(rig, leg1)
    refused = back.answered(back.request("INVITE", sdp=leg1.body, headers=second_headers(leg1, TOKEN)))
    assert (refused.status, refused.get("Retry-After")) == (500, "2")
    rig.partner.reply(leg1, 486, tag="x")


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
    emergency_goes_out(rig)
    assert rig.partner.untaken("INVITE") == []
    rig.rpc("dispatcher.set_state", "ap", 1, f"sip:{rig.partner.address}:5060")


def test_flood_of_nonsense_is_not_answered_for_ever(make_rig: MakeRig) -> None:
    rig = limited(make_rig, 5, 500)
    dialog = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    bad = dialog.text("INVITE").decode().replace("From: <", "From:: <")
    for place in range(MANY):
        rig.carrier.send(bad.replace(dialog.call_id, f"bad-{place}"))
    flood(rig.carrier, rig.kamailio.sip[0], "OPTIONS", 1)
    time.sleep(0.3)  # another worker may still be at it
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
