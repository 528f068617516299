"""Each face speaks the media profile that the deployment says of it, and brings a key that may be used; else it is refused."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.integration.router.conftest import TWO, MakeRig
from tests.integration.router.rig import AGENT, PARTNER_CUSTOMER, Rig
from tests.integration.router.story import NUMBER, inbound, place
from tests.integration.router.test_partner_down import connect_in, connect_out, dial_in, dial_out
from tests.integration.router.test_srtp import PLATFORM_SUITE, SRTP, keys_seen, suites
from tests.support.rtp_talker import sdp as sdp_in_clear
from tests.support.sip_peer import Dialog
from tests.support.srtp_talker import SecureTalker

pytestmark = pytest.mark.integration

KEY = "inline:" + "A" * 40


@pytest.fixture
def secure(make_rig: MakeRig) -> Rig:
    return make_rig(settings=TWO | SRTP)


def with_key(sdp: str, line: str) -> str:
    return re.sub(r"(?m)^a=crypto:.*\r\n", "", sdp) + line


WRONG: dict[str, Callable[[str], str]] = {
    "RTP": lambda sdp: re.sub(r"(?m)^a=crypto:.*\r\n", "", sdp).replace("RTP/SAVP", "RTP/AVP"),
    "RTP with a key": lambda sdp: sdp.replace("RTP/SAVP", "RTP/AVP"),
    "no key": lambda sdp: with_key(sdp, ""),
    "no encryption": lambda sdp: with_key(sdp, f"a=crypto:1 NULL_HMAC_SHA1_80 {KEY}\r\n"),
    "F8": lambda sdp: with_key(sdp, f"a=crypto:1 F8_128_HMAC_SHA1_80 {KEY}\r\n"),
    "a suite of another face": lambda sdp: with_key(sdp, f"a=crypto:1 AES_CM_128_HMAC_SHA1_32 {KEY}\r\n"),
    "encryption off": lambda sdp: with_key(sdp, f"a=crypto:1 {PLATFORM_SUITE} {KEY} UNENCRYPTED_SRTP\r\n"),
    "DTLS": lambda sdp: with_key(
        sdp, "a=setup:actpass\r\na=fingerprint:sha-256 " + ":".join(["AB"] * 32) + "\r\n"
    ),
    "a second audio in clear": lambda sdp: sdp + "m=audio 5004 RTP/AVP 0\r\n",
    "a key for the first audio only": lambda sdp: sdp + "m=audio 5004 RTP/SAVP 0\r\n",
}


@pytest.mark.parametrize("how", WRONG)
def test_offer_of_the_platform_is_refused(secure: Rig, how: str) -> None:
    before = secure.count("profile_refused")
    platform = Dialog.new(secure.platform, f"sip:+447700900555@{secure.kamailio.sip[0]}", user=NUMBER)
    cseq = platform.request("INVITE", sdp=WRONG[how](secure.agent_media.sdp()))
    assert platform.answered(cseq).status == 488
    assert secure.count("profile_refused") == before + 1
    assert secure.partner.untaken("INVITE") == []


def test_more_lines_than_are_looked_at_are_refused(secure: Rig) -> None:
    platform = Dialog.new(secure.platform, f"sip:+447700900555@{secure.kamailio.sip[0]}", user=NUMBER)
    cseq = platform.request("INVITE", sdp=secure.agent_media.sdp() + "a=x\r\n" * 500)
    assert platform.answered(cseq).status == 488
    assert secure.partner.untaken("INVITE") == []


@pytest.mark.parametrize("profile", ["RTP/AVP", "RTP/SAVP"])
def test_video_needs_no_key_because_it_is_declined(secure: Rig, profile: str) -> None:
    """video.cfg comes first: a stream that nobody gets needs no key, and the audio goes on with its own."""
    platform = Dialog.new(secure.platform, f"sip:+447700900555@{secure.kamailio.sip[0]}", user=NUMBER)
    video = f"m=video 5004 {profile} 96\r\na=rtpmap:96 VP8/90000\r\n"
    platform.request("INVITE", sdp=secure.agent_media.sdp() + video)
    invite = secure.partner.expect_request("INVITE")
    assert "m=video 0 " in invite.body
    assert suites(invite.body) == ["AES_256_CM_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_32"]
    secure.partner.reply(invite, 486, tag="x")


def test_refused_video_and_one_good_key_among_bad_ones_pass(secure: Rig) -> None:
    """Port 0 is no stream (RFC 3264 section 6); what may not be used is left out, and the rest goes on."""
    sdp = secure.agent_media.sdp()
    sdp = sdp.replace("a=crypto:1", f"a=crypto:9 NULL_HMAC_SHA1_80 {KEY}\r\na=crypto:1", 1)
    platform = Dialog.new(secure.platform, f"sip:+447700900555@{secure.kamailio.sip[0]}", user=NUMBER)
    platform.request("INVITE", sdp=sdp + "a=setup:actpass\r\nm=video 0 RTP/AVP 96\r\n")
    invite = secure.partner.expect_request("INVITE")
    assert suites(invite.body) == ["AES_256_CM_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_32"]
    secure.partner.reply(invite, 486, tag="x")


@pytest.mark.compat
def test_move_of_the_partner_in_clear_is_refused(secure: Rig) -> None:
    story = inbound(secure)
    story.everybody_talks()
    before = secure.count("profile_refused")
    talker = secure.partner_customer_media
    cseq = story.offer("customer", sdp_in_clear(talker.address, talker.port, 20))
    assert story.partner_customer.answered(cseq).status == 488
    assert secure.count("profile_refused") == before + 1
    assert secure.customer_media.wait_voice(AGENT) >= 15
    assert secure.customer_media.voices(PARTNER_CUSTOMER) == 0


@pytest.mark.parametrize("how", ["RTP", "a suite of another face"])
def test_answer_of_the_platform_loses_its_sdp(secure: Rig, how: str) -> None:
    carrier, cseq = dial_in(secure)
    leg1 = secure.partner.expect_request("INVITE")
    second = Dialog.new(secure.partner, f"sip:{NUMBER}@{secure.kamailio.sip[0]}")
    asked = second.request(
        "INVITE",
        sdp=leg1.body,
        headers=(f"X-Route-Cookie: {leg1.get('X-Route-Cookie')}", "X-Payment-Token: t"),
    )
    leg2 = secure.platform.expect_request("INVITE")
    Dialog.of(secure.platform, leg2).reply(leg2, 200, sdp=WRONG[how](secure.agent_media.sdp()))
    answer = second.answered(asked)
    assert (answer.status, answer.body) == (200, "")
    secure.partner.reply(leg1, 486, tag="x")
    assert carrier.answered(cseq).status == 486


def test_carrier_of_rtp_may_not_bring_keys(secure: Rig) -> None:
    carrier = Dialog.new(secure.carrier, f"sip:{NUMBER}@{secure.kamailio.sip[0]}")
    cseq = carrier.request("INVITE", sdp=secure.agent_media.sdp())
    assert carrier.answered(cseq).status == 488


@pytest.mark.compat
@pytest.mark.parametrize("sign", ["503", "off"])
def test_past_the_partner_the_platform_has_its_own_profile(make_rig: MakeRig, sign: str) -> None:
    rig = make_rig(settings=TWO | SRTP | ({"carriers.payments": "false"} if sign == "off" else {}))
    carrier, cseq = dial_in(rig)
    if sign == "503":
        leg1 = rig.partner.expect_request("INVITE")
        rig.partner.reply(leg1, 503, tag="x")
    _, invite = connect_in(rig, carrier, cseq)
    assert suites(invite.body) == [PLATFORM_SUITE]
    assert invite.body.count("v=0") == 1
    assert rig.sink.handoffs[0]["reason"] == ("partner_down" if sign == "503" else "carrier_not_trusted")
    assert not {one.key for one in keys_seen(rig.partner)} & {one.key for one in keys_seen(rig.platform)}


def test_out_past_the_partner_the_carrier_has_its_own_profile(secure: Rig) -> None:
    platform, cseq = dial_out(secure, "+447700900555")
    leg1 = secure.partner.expect_request("INVITE")
    secure.partner.reply(leg1, 503, tag="x")
    invite = connect_out(secure, platform, cseq)
    assert " RTP/AVP " in invite.body
    assert "crypto" not in invite.body
    assert place(invite.body)[0] == str(secure.deployment.edges[0].media)


def test_partner_with_one_suite_keeps_its_key_and_still_shares_it_with_nobody(make_rig: MakeRig) -> None:
    """Without a second suite nothing is re-keyed (docs/how-to/srtp.md); what the platform knows stays apart."""
    one = "AES_256_CM_HMAC_SHA1_80"
    rig = make_rig(settings=TWO | SRTP, edits=((f"{one}|AES_256_CM_HMAC_SHA1_32", one),))
    for talker in (rig.partner_customer_media, rig.partner_agent_media):
        assert isinstance(talker, SecureTalker)
        talker.speak((one,))
    story = inbound(rig)
    story.everybody_talks()
    story.secure()
    assert rig.customer_media.wait_voice(PARTNER_CUSTOMER) >= 15
    story.restore()
    story.release_hold()
    assert rig.customer_media.wait_voice(AGENT) >= 15
    assert not {k.key for k in keys_seen(rig.partner)} & {k.key for k in keys_seen(rig.platform)}
