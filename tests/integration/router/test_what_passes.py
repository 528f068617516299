"""What crosses the edge unchanged (identity, codecs, reliable provisionals), and what is declined (video)."""

from __future__ import annotations

import pytest

from tests.integration.router.rig import AGENT, CUSTOMER, Rig
from tests.integration.router.story import NUMBER, TOKEN, inbound, place, second_headers, second_leg
from tests.support.sip_peer import Dialog

pytestmark = pytest.mark.integration

IDENTITY = (
    'P-Asserted-Identity: "Alice" <sip:+447700900123@carrier.example>',
    "P-Asserted-Identity: <tel:+447700900123>",
    "Privacy: id;critical",
    "Diversion: <sip:+447700900999@carrier.example>;reason=unconditional;counter=1",
    "History-Info: <sip:+447700900999@carrier.example>;index=1, <sip:+442079460000@edge.example>;index=1.1;mp=1",
    "Identity: eyJhbGciOiJFUzI1NiJ9.eyJvcmlnIjp7InRuIjoiNDQ3NzAwOTAwMTIzIn19.c2ln;info=<https://cert.example/a.pem>;alg=ES256;ppt=shaken",
    "Remote-Party-ID: <sip:+447700900123@carrier.example>;party=calling;screen=yes",
    "Geolocation: <cid:place@carrier.example>",
)
NAMES = tuple(dict.fromkeys(line.partition(":")[0] for line in IDENTITY))

CODECS = (
    "m=audio {port} RTP/AVP 111 9 8 0 101\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n"
    "a=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n"
)
VIDEO = "m=video 4002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=sendrecv\r\n"
DECLINED = "m=video 0 RTP/AVP 96"


def values(message_headers: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in message_headers if name in NAMES]


@pytest.mark.compat
def test_caller_identity_crosses_both_legs(rig: Rig) -> None:
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    carrier.request("INVITE", sdp=rig.customer_media.sdp(), headers=IDENTITY)
    leg1 = rig.partner.expect_request("INVITE")
    wanted = [(name, value.strip()) for name, _, value in (line.partition(":") for line in IDENTITY)]
    assert values(leg1.headers) == wanted
    back = second_leg(rig, leg1)
    kept = tuple(f"{name}: {value}" for name, value in values(leg1.headers))
    second = back.request("INVITE", sdp=leg1.body, headers=(*second_headers(leg1, TOKEN), *kept))
    leg2 = rig.platform.expect_request("INVITE")
    assert values(leg2.headers) == wanted
    connected = ("P-Asserted-Identity: <sip:+442079460042@platform.example>",)
    Dialog.of(rig.platform, leg2).reply(leg2, 180, headers=connected)
    assert back.provisional(180).get("P-Asserted-Identity") == connected[0].partition(": ")[2]
    rig.platform.reply(leg2, 486, tag="x")
    assert back.answered(second).status == 486
    rig.partner.reply(leg1, 486, tag="y")


@pytest.mark.compat
def test_caller_identity_crosses_both_legs_of_a_call_out(rig: Rig) -> None:
    """What the platform says of itself reaches the carrier, who signs or screens it."""
    platform = Dialog.new(rig.platform, f"sip:+447700900555@{rig.kamailio.sip[0]}", user=NUMBER)
    first = platform.request("INVITE", sdp=rig.agent_media.sdp(), headers=IDENTITY)
    leg1 = rig.partner.expect_request("INVITE")
    wanted = [(name, value.strip()) for name, _, value in (line.partition(":") for line in IDENTITY)]
    assert values(leg1.headers) == wanted
    back = second_leg(rig, leg1)
    kept = tuple(f"{name}: {value}" for name, value in values(leg1.headers))
    second = back.request("INVITE", sdp=leg1.body, headers=(*second_headers(leg1, TOKEN), *kept))
    leg2 = rig.carrier.expect_request("INVITE")
    assert values(leg2.headers) == wanted
    rig.carrier.reply(leg2, 486, tag="x")
    assert back.answered(second).status == 486
    rig.partner.reply(leg1, 486, tag="y")
    assert platform.answered(first).status == 486


def with_codecs(sdp: str) -> str:
    head, _, audio = sdp.partition("m=audio ")
    return head + CODECS.format(port=audio.partition(" ")[0])


@pytest.mark.compat
def test_codecs_cross_both_legs(rig: Rig) -> None:
    """Opus, G.722, PCMA and PCMU in this order, with their parameters; the audio of the one that is used flows."""
    story = inbound(rig, sdp=with_codecs(rig.customer_media.sdp()))
    assert story.leg1_invite is not None
    assert story.leg2_invite is not None
    for invite in (story.leg1_invite, story.leg2_invite):
        audio = next(line for line in invite.body.splitlines() if line.startswith("m=audio "))
        assert audio.split(" ")[3:] == ["111", "9", "8", "0", "101"]
        for line in ("a=rtpmap:111 opus/48000/2", "a=fmtp:111 useinbandfec=1", "a=rtpmap:9 G722/8000"):
            assert line in invite.body
    story.everybody_talks()
    assert rig.agent_media.wait_voice(CUSTOMER) >= 15
    assert rig.customer_media.wait_voice(AGENT) >= 15


@pytest.mark.compat
def test_video_is_declined(rig: Rig) -> None:
    """Offered by the carrier, by the partner's secure re-INVITE and by the platform: port 0 everywhere, audio goes on."""
    story = inbound(rig, sdp=rig.customer_media.sdp(extra=VIDEO))
    assert story.leg1_invite is not None
    assert DECLINED in story.leg1_invite.body
    assert place(story.leg1_invite.body)[1] > 0
    story.everybody_talks()
    assert rig.agent_media.wait_voice(CUSTOMER) >= 15
    assert rig.customer_media.wait_voice(AGENT) >= 15
    for leg in ("agent", "customer"):
        near, far = (
            (story.partner_agent, story.platform)
            if leg == "agent"
            else (story.partner_customer, story.carrier)
        )
        partner, talker = (
            (rig.partner_agent_media, rig.agent_media)
            if leg == "agent"
            else (rig.partner_customer_media, rig.customer_media)
        )
        cseq = near.request("INVITE", sdp=partner.sdp(20, extra=VIDEO))
        request = far.incoming("INVITE")
        assert DECLINED in request.body
        # One that does not heed the port of the offer and answers with video all the same.
        far.reply(request, 200, sdp=talker.sdp(20, extra=VIDEO))
        final = near.answered(cseq)
        assert DECLINED in final.body
        assert place(final.body)[1] > 0
        near.ack(cseq)
        partner.target = place(final.body)
    assert rig.partner_customer_media.wait_voice(CUSTOMER) >= 15
    cseq = story.platform.request("INVITE", sdp=rig.agent_media.sdp(30, extra=VIDEO))
    request = story.partner_agent.incoming("INVITE")
    assert DECLINED in request.body
    story.partner_agent.reply(
        request, 200, sdp=rig.partner_agent_media.sdp(30, extra=VIDEO.replace("4002", "0"))
    )
    assert DECLINED in story.platform.answered(cseq).body
    story.platform.ack(cseq)


def test_update_in_an_early_dialog(rig: Rig) -> None:
    """RFC 3311: offer and answer in INVITE and a reliable 183, then a second offer by UPDATE, before anybody has answered."""
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    first = carrier.request("INVITE", sdp=rig.customer_media.sdp(), headers=("Supported: 100rel",))
    leg1 = rig.partner.expect_request("INVITE")
    assert leg1.get("Supported") == "100rel"
    partner = Dialog.of(rig.partner, leg1)
    partner.reply(leg1, 183, sdp=rig.partner_customer_media.sdp(), headers=("Require: 100rel", "RSeq: 1"))
    ringing = carrier.provisional(183)
    assert (ringing.get("Require"), ringing.get("RSeq")) == ("100rel", "1")
    carrier.learn(ringing)
    prack = carrier.request("PRACK", headers=(f"RAck: 1 {first} INVITE",))
    request = partner.incoming("PRACK")
    assert request.get("RAck") == f"1 {first} INVITE"
    partner.reply(request, 200)
    assert carrier.answered(prack, "PRACK").status == 200
    update = carrier.request("UPDATE", sdp=rig.customer_media.sdp(2, direction="sendonly"))
    request = partner.incoming("UPDATE")
    assert place(request.body)[0] == str(rig.deployment.edges[0].media)
    partner.reply(request, 200, sdp=rig.partner_customer_media.sdp(2, direction="recvonly"))
    answer = carrier.answered(update, "UPDATE")
    assert place(answer.body)[0] == str(rig.deployment.edges[0].media)
    partner.reply(leg1, 200)
    assert carrier.answered(first).status == 200
    carrier.ack(first)
    partner.incoming("ACK")
    rig.customer_media.target = place(answer.body)
    assert rig.partner_customer_media.wait_voice(CUSTOMER) >= 15


@pytest.mark.compat
def test_late_offer_answered_in_a_prack(rig: Rig) -> None:
    """RFC 3262 5: INVITE without SDP, the offer in a reliable 183, the answer in the PRACK."""
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    first = carrier.request("INVITE", headers=("Supported: 100rel",))
    leg1 = rig.partner.expect_request("INVITE")
    partner = Dialog.of(rig.partner, leg1)
    partner.reply(leg1, 183, sdp=rig.partner_customer_media.sdp(), headers=("Require: 100rel", "RSeq: 1"))
    offer = carrier.provisional(183)
    assert place(offer.body)[0] == str(rig.deployment.edges[0].media)
    carrier.learn(offer)
    prack = carrier.request("PRACK", sdp=rig.customer_media.sdp(), headers=(f"RAck: 1 {first} INVITE",))
    request = partner.incoming("PRACK")
    answer = place(request.body)
    assert answer[0] == str(rig.deployment.edges[0].media)
    partner.reply(request, 200)
    assert carrier.answered(prack, "PRACK").status == 200
    partner.reply(leg1, 200)
    assert carrier.answered(first).status == 200
    carrier.ack(first)
    rig.customer_media.target, rig.partner_customer_media.target = place(offer.body), answer
    assert rig.partner_customer_media.wait_voice(CUSTOMER) >= 15
    assert rig.customer_media.wait_voice(0x70) >= 15
