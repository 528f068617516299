"""SRTP towards partner and platform behind an RTP carrier: all that holds with RTP holds, and keys are never shared."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from callseal.wire.sdp import SessionDescription
from callseal.wire.srtp import Crypto, SrtpContext
from tests.integration.router import test_calls, test_refused, test_secure
from tests.integration.router.conftest import TWO, MakeRig
from tests.integration.router.hearing import heard_at_home, heard_while_secured, home_again
from tests.integration.router.rig import AGENT, CUSTOMER, PARTNER_AGENT, PARTNER_CUSTOMER, Rig
from tests.integration.router.story import Leg, inbound, outbound
from tests.support.sip_peer import SipPeer
from tests.support.srtp_talker import SecureTalker, cryptos

pytestmark = pytest.mark.integration

SRTP = {"partner.media_profile": '"srtp"', "platform.media_profile": '"srtp"'}
PLATFORM_SUITE = "AES_CM_128_HMAC_SHA1_80"
AT_PARTNER, AT_HOME = "AES_256_CM_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_32"


@pytest.fixture
def secure(make_rig: MakeRig) -> Rig:
    return make_rig(settings=TWO | SRTP)


def keys_seen(peer: SipPeer) -> list[Crypto]:
    """Every key that this peer was told."""
    return [
        crypto for message in peer.heard if "a=crypto:" in message.body for crypto in cryptos(message.body)
    ]


def keys_of_leg(peer: SipPeer, call_id: str) -> list[Crypto]:
    """The same, from the messages of one dialog."""
    bodies = [message.body for message in peer.heard if message.call_id == call_id]
    return [crypto for body in bodies if "a=crypto:" in body for crypto in cryptos(body)]


def suites(sdp: str) -> list[str]:
    return [crypto.suite.name for crypto in cryptos(sdp)]


def opens(data: list[bytes], key: Crypto) -> int:
    """Packets that this key opens, whatever their roll-over counter is (0 to 3)."""
    return sum(
        any(SrtpContext(key, roll_over=turns).decrypt(packet) is not None for turns in range(4))
        for packet in data
    )


@pytest.mark.compat
@pytest.mark.parametrize("first", ["agent", "customer"])
def test_secure_and_restore(secure: Rig, first: Leg) -> None:
    rig = secure
    story = inbound(rig)
    story.everybody_talks()
    heard_at_home(story)
    for _ in range(2):
        story.secure(first)
        heard_while_secured(story)
        rig.customer_media.press()
        rig.partner_agent_media.press()
        assert rig.partner_customer_media.wait_voice(CUSTOMER) >= 15
        assert rig.partner_customer_media.events() == 6
        assert rig.agent_media.events() == 0, "the fence let a digit through"
        story.restore()
        rig.agent_media.clear()
        assert rig.customer_media.wait_voice(AGENT) >= 15
        assert rig.agent_media.voices(CUSTOMER) == 0, "not held on the way home"
        story.release_hold()
        heard_at_home(story)
    story.hang_up()


def test_outbound(secure: Rig) -> None:
    story = outbound(secure)
    story.everybody_talks()
    heard_at_home(story)
    story.secure("customer")
    heard_while_secured(story)
    home_again(story)
    story.hang_up()


def test_each_face_is_offered_its_own_suites_and_nothing_else(secure: Rig) -> None:
    story = inbound(secure)
    assert story.leg1_invite is not None
    assert story.leg2_invite is not None
    to_partner, to_platform = story.leg1_invite.body, story.leg2_invite.body
    for sdp in (to_partner, to_platform):
        (audio,) = SessionDescription.parse(sdp).media
        assert audio.protocol == "RTP/SAVP"
        assert audio.attributes("fingerprint") == audio.attributes("setup") == ()
    assert suites(to_partner) == [AT_PARTNER, AT_HOME]
    assert suites(to_platform) == [PLATFORM_SUITE]
    assert suites(story.home["customer"]) == [AT_HOME]
    assert "RTP/AVP" in story.at_carrier
    assert "crypto" not in story.at_carrier


@pytest.mark.compat
def test_no_key_of_another_face_opens_what_the_partner_gets(secure: Rig) -> None:
    """Real packets: the customer's digits on their way to the partner, against every key that the platform ever saw."""
    rig = secure
    assert isinstance(rig.partner_customer_media, SecureTalker)
    assert isinstance(rig.agent_media, SecureTalker)
    story = inbound(rig)
    story.everybody_talks()
    at_home = keys_seen(rig.partner)
    used: list[Crypto] = []
    for _ in range(2):
        story.secure()
        answer = next(
            m for m in reversed(rig.partner.heard) if m.status == 200 and m.call_id == story.carrier.call_id
        )
        (key,) = cryptos(answer.body)
        assert key.suite.name == AT_PARTNER
        assert key.key not in {one.key for one in (*at_home, *used)}, "not new"
        used.append(key)
        rig.customer_media.press()
        assert rig.partner_customer_media.wait_voice(CUSTOMER) >= 15
        packets = list(rig.partner_customer_media.raw)
        assert opens(packets, key) == len(packets)
        # All that was ever said on the agent leg: to the platform, by it, and between our own two anchors.
        foreign = [
            *keys_seen(rig.platform),
            *rig.agent_media.own,
            *keys_of_leg(rig.partner, story.partner_agent.call_id),
        ]
        foreign += [
            replace(one, suite=key.suite) for one in foreign if one.suite.key_bytes == key.suite.key_bytes
        ]
        assert len(foreign) >= 6
        assert [opens(packets, other) for other in foreign] == [0] * len(foreign)
        # Nor do they carry the customer in clear.
        assert not any(bytes([CUSTOMER]) * 16 in packet for packet in packets)
        story.restore()
        story.release_hold()
    partner = {one.key for one in keys_seen(rig.partner)}
    platform = {one.key for one in (*keys_seen(rig.platform), *rig.agent_media.own)}
    assert partner
    assert platform
    assert not partner & platform
    secrets = {
        str(one).partition("inline:")[2].rstrip("=")
        for one in (*keys_seen(rig.partner), *keys_seen(rig.platform))
    }
    for log in (rig.kamailio.log_text(), rig.rtpengine.log_text()):
        assert not [one for one in secrets if one in log]


def test_a_shared_suite_is_seen_to_share_keys(make_rig: MakeRig) -> None:
    """The test above can fail: with one suite on two faces rtpengine copies the partner's key to the platform (CS090)."""
    rig = make_rig(
        settings=TWO | SRTP, edits=((f'PLATFORM_SUITES "{PLATFORM_SUITE}"', f'PLATFORM_SUITES "{AT_HOME}"'),)
    )
    assert isinstance(rig.agent_media, SecureTalker)
    rig.agent_media.speak((AT_HOME,))
    inbound(rig)
    assert {one.key for one in keys_seen(rig.partner)} & {one.key for one in keys_seen(rig.platform)}


@pytest.mark.compat
def test_a_long_call_turns_the_roll_over_counter(secure: Rig) -> None:
    """More than 3 * 65536 packets before securing: at the partner the counter starts at 0 with a new key, at the platform it goes on."""
    rig = secure
    assert isinstance(rig.agent_media, SecureTalker)
    story = inbound(rig)
    story.everybody_talks()
    heard_at_home(story)
    for talker in (rig.customer_media, rig.agent_media):
        talker.step = 20_000
    time.sleep(0.4)
    for talker in (rig.customer_media, rig.agent_media):
        talker.step = 1
    heard_at_home(story)
    assert rig.agent_media.turns(CUSTOMER) >= 3
    story.secure()
    heard_while_secured(story)
    for talker in (rig.customer_media, rig.agent_media):
        talker.step = 20_000
    time.sleep(0.4)
    for talker in (rig.customer_media, rig.agent_media):
        talker.step = 1
    heard_while_secured(story)
    home_again(story)


@pytest.mark.compat
@pytest.mark.parametrize(("leg", "code"), [("customer", 491), ("agent", 603)])
def test_refused_secure_is_undone_both_ways(secure: Rig, leg: Leg, code: int) -> None:
    """With the keys of before: the edge has them from rtpengine, nobody else could tell."""
    test_refused.test_refused_secure_is_undone_both_ways(secure, leg, code)


@pytest.mark.compat
@pytest.mark.parametrize("leg", ["customer", "agent"])
def test_refused_restore_leaves_media_at_the_partner(secure: Rig, leg: Leg) -> None:
    test_refused.test_refused_restore_leaves_media_at_the_partner(secure, leg)


def test_refused_hold_of_the_platform_leaves_media_open(secure: Rig) -> None:
    test_refused.test_refused_hold_of_the_platform_leaves_media_open(secure)


def test_refresh_of_the_platform_while_secured(secure: Rig) -> None:
    rig = secure
    story = inbound(rig)
    story.everybody_talks()
    story.secure()
    cseq = story.platform.request("INVITE", sdp=rig.agent_media.sdp(3))
    request = story.partner_agent.incoming("INVITE")
    assert suites(request.body)[0] == AT_PARTNER
    answer = rig.partner_agent_media.sdp(9)
    story.partner_agent.reply(request, 200, sdp=answer)
    final = story.platform.answered(cseq)
    assert final.status == 200
    story.platform.ack(cseq)
    rig.partner_agent_media.send_to(request.body)
    rig.agent_media.send_to(final.body)
    assert rig.agent_media.wait_voice(PARTNER_AGENT) >= 15
    assert rig.partner_agent_media.wait_voice(AGENT) >= 15


def test_late_offer(secure: Rig) -> None:
    test_calls.test_late_offer(secure)


def test_kill_9_between_secure_and_restore(secure: Rig) -> None:
    test_secure.test_kill_9_between_secure_and_restore(secure)


def test_no_customer_audio_reaches_the_agent(secure: Rig) -> None:
    leaked, to_partner, from_partner = test_secure.leak(inbound(secure), "customer", partner_talks=True)
    assert leaked == 0
    assert to_partner > 150
    assert from_partner > 150


def test_three_faces_with_srtp(make_rig: MakeRig) -> None:
    rig = make_rig(settings=TWO | {"media_profile": '"srtp"'})
    story = inbound(rig)
    story.everybody_talks()
    heard_at_home(story)
    story.secure()
    heard_while_secured(story)
    assert rig.customer_media.wait_voice(PARTNER_CUSTOMER) >= 15
    test_refused.refuse(story, "customer", story.home["customer"], 491)
    heard_while_secured(story)
    home_again(story)
    story.hang_up()
    told = [{one.key for one in keys_seen(peer)} for peer in (rig.carrier, rig.partner, rig.platform)]
    assert all(told)
    assert len(told[0] | told[1] | told[2]) == sum(len(one) for one in told)
