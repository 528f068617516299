"""Strangers, wrong numbers, forged cookies, spoofed headers, SDP that points elsewhere: each has its answer, or none."""

from __future__ import annotations

import re
import time

import pytest

from callseal.render import derive, mac
from tests.integration.router.conftest import MakeRig
from tests.integration.router.rig import Rig
from tests.integration.router.story import NUMBER, TOKEN, inbound, second_headers, second_leg
from tests.support.rtp_talker import sdp
from tests.support.sip_peer import Dialog, SipPeer

pytestmark = pytest.mark.integration


@pytest.mark.compat
def test_stranger_hears_nothing(rig: Rig) -> None:
    before = rig.count("strangers")
    with SipPeer("127.81.0.99", rig.kamailio.sip[0]) as stranger:
        dialog = Dialog.new(stranger, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
        dialog.request("OPTIONS")
        dialog.request("INVITE", sdp=sdp("127.81.0.99", 4000))
        dialog.request("BYE")
        stranger.send("INVITE nonsense\r\n\r\n")
        deadline = time.monotonic() + 2
        while rig.count("strangers") < before + 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert rig.count("strangers") == before + 3
        assert stranger.heard == []
    assert rig.partner.untaken("INVITE") == []


@pytest.mark.parametrize(
    ("face", "number"),
    [
        ("carrier", "+15550001111"),
        ("carrier", "not-a-number"),
        ("carrier", "112233"),  # an emergency number's prefix: goes out, never comes in
        ("platform", "+15550001111"),
        ("platform", "not-a-number"),
    ],
)
def test_unknown_number(rig: Rig, face: str, number: str) -> None:
    peer = rig.carrier if face == "carrier" else rig.platform
    before = rig.count("unknown_number")
    dialog = Dialog.new(peer, f"sip:{number}@{rig.kamailio.sip[0]}", user="stranger")
    assert dialog.answered(dialog.request("INVITE", sdp=sdp(peer.address, 4000))).status == 404
    assert rig.count("unknown_number") == before + 1
    assert not rig.anchored(dialog.call_id, "customer")


def cookie_with(rig: Rig, cookie: str, **changes: str) -> str:
    """The cookie again with some fields changed, signed with the right key (what only the edge could do)."""
    import base64  # noqa: PLC0415

    version, key_id, payload, _ = cookie.split(".")
    fields = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()
    for name, value in changes.items():
        old = fields.partition(f"{name}=")[2].partition(";")[0]
        fields = fields.replace(f"{name}={old}", f"{name}={value}")
    payload = base64.urlsafe_b64encode(fields.encode()).decode().rstrip("=")
    text = f"{version}.{key_id}.{payload}"
    return f"{text}.{mac(derive(rig.deployment.signing.current.secret.reveal()), text)}"


@pytest.mark.compat
@pytest.mark.parametrize(
    "forge",
    [
        lambda rig, cookie: "",
        lambda rig, cookie: "1.k1.AAAA",
        lambda rig, cookie: cookie[:-1] + ("0" if cookie[-1] != "0" else "1"),
        lambda rig, cookie: cookie.replace("1.k1.", "1.k2."),
        lambda rig, cookie: cookie.replace("1.k1.", "2.k1."),
        lambda rig, cookie: cookie.replace("1.k1.", "1.k1.A"),
        lambda rig, cookie: cookie_with(rig, cookie, e="1700000000"),
    ],
    ids=["none", "short", "signature", "key", "version", "payload", "expired"],
)
def test_cookie_that_is_not_ours_or_not_now(rig: Rig, forge: object) -> None:
    assert callable(forge)
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    carrier.request("INVITE", sdp=rig.customer_media.sdp())
    leg1 = rig.partner.expect_request("INVITE")
    back = second_leg(rig, leg1)
    cookie = forge(rig, leg1.get("X-Route-Cookie"))
    headers = (f"X-Payment-Token: {TOKEN}", *((f"X-Route-Cookie: {cookie}",) if cookie else ()))
    before = rig.count("cookie_refused")
    assert back.answered(back.request("INVITE", sdp=leg1.body, headers=headers)).status == 403
    assert rig.count("cookie_refused") == before + 1
    assert rig.platform.untaken("INVITE") == []
    rig.partner.reply(leg1, 486, tag="x")
    assert rig.sink.handoffs == []


def test_cookie_helper_makes_good_cookies(rig: Rig) -> None:
    """The expired cookie above fails because it is expired, not because the test cannot sign."""
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    carrier.request("INVITE", sdp=rig.customer_media.sdp())
    leg1 = rig.partner.expect_request("INVITE")
    back = second_leg(rig, leg1)
    good = cookie_with(rig, leg1.get("X-Route-Cookie"), t="globex")
    back.request("INVITE", sdp=leg1.body, headers=(f"X-Route-Cookie: {good}",))
    leg2 = rig.platform.expect_request("INVITE")
    rig.platform.reply(leg2, 486, tag="x")
    rig.sink.wait(lambda sink: [h["tenant"] for h in sink.handoffs] == ["globex"], "hand-off")


@pytest.mark.compat
def test_no_token_is_a_call_without_payment(rig: Rig) -> None:
    inbound(rig, token=None)
    assert (rig.sink.handoffs[0]["token"], rig.sink.handoffs[0]["reason"]) == ("", "no_token")


@pytest.mark.parametrize("token", ["t" * 257, "a b", "tok;en", "t%00n", '"t"'])
def test_odd_token_is_no_token(rig: Rig, token: str) -> None:
    story = inbound(rig, token=token)
    assert (rig.sink.handoffs[0]["token"], rig.sink.handoffs[0]["reason"]) == ("", "no_token")
    assert story.leg2_invite is not None
    assert story.leg2_invite.get("X-Payment-Token") == ""


@pytest.mark.compat
def test_spoofed_headers_are_removed_and_counted(rig: Rig) -> None:
    before = rig.count("headers_removed")
    spoofed = ("X-Payment-Token: stolen", "X-Route-Cookie: 1.k1.AAAA.00", "X-Call-Reference: " + "0" * 32)
    story = inbound(rig, carrier_headers=spoofed)
    assert story.leg1_invite is not None
    assert story.leg1_invite.get("X-Payment-Token") == ""
    assert len(story.leg1_invite.all("X-Route-Cookie")) == 1
    assert "AAAA.00" not in story.leg1_invite.text
    assert story.leg1_invite.get("X-Call-Reference") == ""
    assert rig.count("headers_removed") == before + 3
    # In a dialog nobody may send them, the partner neither.
    cseq = story.partner_agent.request("INFO", headers=(f"X-Payment-Token: {TOKEN}",))
    info = story.platform.incoming("INFO")
    assert TOKEN not in info.text
    story.platform.reply(info, 200, headers=("X-Call-Reference: " + "1" * 32,))
    assert story.partner_agent.answered(cseq, "INFO").get("X-Call-Reference") == ""
    assert rig.count("headers_removed") == before + 4


@pytest.mark.two_anchors
@pytest.mark.compat
@pytest.mark.parametrize("leg", ["customer", "agent"])
def test_partner_sdp_that_points_elsewhere(rig: Rig, leg: str) -> None:
    story = inbound(rig)
    near, far = (
        (story.partner_customer, story.carrier)
        if leg == "customer"
        else (story.partner_agent, story.platform)
    )
    partner = rig.partner_customer_media
    elsewhere = [
        sdp("127.81.0.66", 4000),
        sdp("media.example.net", 4000),
        sdp(rig.agent_media.address, rig.agent_media.port),
        sdp(rig.customer_media.address, rig.customer_media.port),
        # One good address does not excuse another.
        partner.sdp(extra="m=video 4002 RTP/AVP 96\r\nc=IN IP4 127.81.0.66\r\na=rtpmap:96 H264/90000\r\n"),
        partner.sdp(extra="a=rtcp:4001 IN IP4 127.81.0.66\r\n"),
        partner.sdp(extra="a=candidate:1 1 UDP 1 127.81.0.66 4000 typ host\r\n"),
        partner.sdp(extra="c=IN IP4 127.81.0.21\r\n"),
    ]
    before = rig.count("sdp_elsewhere")
    for offer in elsewhere:
        cseq = near.request("INVITE", sdp=offer)
        assert near.answered(cseq).status == 488, offer
        near.ack(cseq)
    assert rig.count("sdp_elsewhere") == before + len(elsewhere)
    assert far.peer.untaken("INVITE") == []
    # In an answer it cannot be refused: it loses its SDP.
    cseq = far.request(
        "INVITE", sdp=rig.customer_media.sdp(9) if leg == "customer" else rig.agent_media.sdp(9)
    )
    near.reply(near.incoming("INVITE"), 200, sdp=elsewhere[0])
    assert far.answered(cseq).body == ""


def test_second_leg_that_points_elsewhere(rig: Rig) -> None:
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    carrier.request("INVITE", sdp=rig.customer_media.sdp())
    leg1 = rig.partner.expect_request("INVITE")
    back = second_leg(rig, leg1)
    cseq = back.request("INVITE", sdp=sdp("127.81.0.66", 4000), headers=second_headers(leg1, TOKEN))
    assert back.answered(cseq).status == 488
    assert rig.sink.handoffs == []
    rig.partner.reply(leg1, 486, tag="x")


@pytest.mark.compat
def test_digits_in_sip_from_the_partner_are_dropped(rig: Rig) -> None:
    story = inbound(rig)
    before = rig.count("digits_dropped")
    multipart = "--b\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=5\r\n--b--\r\n"
    cases = [
        ("INFO", "application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"),
        ("INFO", "Application/DTMF", "5"),
        ("INFO", "audio/telephone-event", "5"),
        ("INFO", "multipart/mixed;boundary=b", multipart),
        ("NOTIFY", "application/kpml-response+xml", "<kpml-response digits='5'/>"),
    ]
    for method, content_type, body in cases:
        cseq = story.partner_agent.request(method, body=body, content_type=content_type)
        assert story.partner_agent.answered(cseq, method).status == 200
        assert story.platform.peer.untaken(method) == []
    assert rig.count("digits_dropped") == before + len(cases)
    # The partner needs them; and another INFO is none of our business.
    story.carrier.request("INFO", body="Signal=5\r\n", content_type="application/dtmf-relay")
    assert "Signal=5" in story.partner_customer.incoming("INFO").body
    story.partner_agent.request("INFO", body="<x/>", content_type="application/media_control+xml")
    assert story.platform.incoming("INFO").body == "<x/>"


def test_platform_may_ask_for_digits_in_sip(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"dtmf_info": "true"})
    story = inbound(rig)
    story.partner_agent.request("INFO", body="Signal=5\r\n", content_type="application/dtmf-relay")
    assert "Signal=5" in story.platform.incoming("INFO").body


@pytest.mark.compat
@pytest.mark.parametrize(
    "spoil",
    [
        lambda routes: [],
        lambda routes: [routes[0].replace(";lg=c", ";lg=a")],
        lambda routes: [routes[0].replace(";d=i", ";d=o")],
        lambda routes: [routes[0].replace(";rn=1", ";rn=2")],
        lambda routes: [routes[0].replace(";v=1", ";v=2")],
        lambda routes: [routes[0].partition(";v=")[0] + ";lr>"],
    ],
    ids=["none", "leg", "direction", "node", "version", "unsigned"],
)
def test_dialog_we_cannot_prove(rig: Rig, spoil: object) -> None:
    assert callable(spoil)
    story = inbound(rig)
    good = story.carrier.routes
    before = rig.count("dialog_refused")
    story.carrier.routes = spoil(good)
    cseq = story.carrier.request("INVITE", sdp=rig.customer_media.sdp(2))
    assert story.carrier.answered(cseq).status == 481
    assert rig.count("dialog_refused") == before + 1
    assert rig.partner.untaken("INVITE") == []
    story.carrier.routes = good
    story.hang_up()


def test_other_call_s_route_is_no_good(rig: Rig) -> None:
    """The MAC covers the Call-ID: parameters of one call do not open another."""
    story = inbound(rig)
    other = Dialog.new(rig.carrier, story.carrier.target)
    other.remote, other.routes = story.carrier.remote, story.carrier.routes
    assert other.answered(other.request("BYE"), "BYE").status == 481


def test_third_face_has_no_business_in_a_dialog(rig: Rig) -> None:
    story = inbound(rig)
    thief = Dialog.new(rig.platform, story.carrier.target, call_id=story.carrier.call_id)
    thief.remote, thief.routes = story.carrier.remote, story.carrier.routes
    assert thief.answered(thief.request("BYE"), "BYE").status == 481


def test_edge_is_no_open_relay(rig: Rig) -> None:
    story = inbound(rig)
    story.carrier.target = "sip:victim@127.81.0.99:5060"
    assert story.carrier.answered(story.carrier.request("INFO"), "INFO").status == 403
    story.carrier.target = f"sip:agent@{rig.platform.address}:5060"
    assert story.carrier.answered(story.carrier.request("INFO"), "INFO").status == 403


@pytest.mark.compat
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("CSeq: 1 INVITE", "CSeq: 1 BYE"),
        ("CSeq: 1 INVITE", "CSeq: one INVITE"),
        ("SIP/2.0\r\nVia", "SIP/3.0\r\nVia"),
        ("Content-Length: ", "Content-Length: 9"),
        ("From: <sip:", "From: <sip:@@:"),
    ],
    ids=["method", "number", "version", "length", "from"],
)
def test_malformed_request_is_not_forwarded(rig: Rig, old: str, new: str) -> None:
    """400 (or another refusal) where there is enough to answer, else nothing; never a forwarded message."""
    sent: list[str] = []
    dialog = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    rig.carrier.send = sent.append  # type: ignore[assignment,method-assign]
    try:
        dialog.request("INVITE", sdp=rig.customer_media.sdp())
    finally:
        del rig.carrier.send
    assert old in sent[0]
    rig.carrier.send(sent[0].replace(old, new, 1))
    # Behind it in the queue: once this is answered the malformed one has been dealt with.
    dialog.answered(dialog.request("OPTIONS"), "OPTIONS")
    time.sleep(0.05)
    finals = [m.status for m in rig.carrier.heard if m.call_id == dialog.call_id and m.method != "OPTIONS"]
    assert all(400 <= status < 600 for status in finals)
    assert rig.partner.untaken("INVITE") == []


def test_too_many_hops_and_wrong_methods(rig: Rig) -> None:
    dialog = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    assert dialog.answered(dialog.request("SUBSCRIBE"), "SUBSCRIBE").status == 405
    sent: list[str] = []
    rig.carrier.send = sent.append  # type: ignore[assignment,method-assign]
    try:
        dialog.request("INVITE", sdp=rig.customer_media.sdp())
    finally:
        del rig.carrier.send
    rig.carrier.send(sent[0].replace("Max-Forwards: 60", "Max-Forwards: 0"))
    assert dialog.answered(2).status == 483


@pytest.mark.parametrize("written", ["in our order", "in another"])
def test_signature_does_not_hold_for_another_call(rig: Rig, written: str) -> None:
    """What is signed is joined by |. A caller who chooses a Call-ID with one must not have another call's signed with it."""
    caller = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}", call_id="0f0f|another@call")
    cseq = caller.request("INVITE", sdp=rig.customer_media.sdp())
    leg1 = rig.partner.expect_request("INVITE")
    called = Dialog.of(rig.partner, leg1)
    called.reply(leg1, 200, sdp=leg1.body)
    assert caller.answered(cseq).status == 200
    caller.ack(cseq)
    whole = list(caller.routes)
    caller.call_id = "another@call"
    caller.routes = [re.sub(r";rf=([0-9a-f]+)", r";rf=\1|0f0f", route) for route in whole]
    if written == "in another":
        caller.routes = [re.sub(r"(;v=1)(.*)(;sg=[0-9a-f]+)", r"\3\1\2", route) for route in caller.routes]
    assert caller.answered(caller.request("BYE"), "BYE").status == 481
    caller.call_id, caller.routes = "0f0f|another@call", whole
    caller.request("BYE")
    bye = rig.partner.expect_request("BYE")
    rig.partner.reply(bye, 200)
