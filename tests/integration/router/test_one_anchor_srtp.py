"""SRTP with one anchor: at home partner and platform are shown each other's keys, so these must open nothing of what is secured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callseal.wire.srtp import Crypto
from tests.integration.router import test_calls, test_refused, test_secure
from tests.integration.router.conftest import MakeRig
from tests.integration.router.hearing import fence_stands, heard_at_home, heard_while_secured, home_again
from tests.integration.router.rig import CUSTOMER, Rig
from tests.integration.router.smuggling import SDP_TYPE, multipart, part
from tests.integration.router.story import NUMBER, Leg, Story, inbound, outbound
from tests.integration.router.test_srtp import (
    AT_HOME,
    AT_PARTNER,
    PLATFORM_SUITE,
    SRTP,
    keys_seen,
    opens,
    suites,
)
from tests.support.sip_peer import Dialog
from tests.support.srtp_talker import SecureTalker, cryptos

pytestmark = pytest.mark.integration

ONE = SRTP | {"anchors": '"one"'}


def speaking(rig: Rig, *spoken: str) -> Rig:
    """The platform has these suites: its own, and the partner's last, which is for home."""
    assert isinstance(rig.agent_media, SecureTalker)
    rig.agent_media.speak(spoken or (PLATFORM_SUITE, AT_HOME))
    return rig


@pytest.fixture
def one(make_rig: MakeRig) -> Rig:
    return speaking(make_rig(settings=ONE))


def known_to_the_platform(rig: Rig) -> list[Crypto]:
    assert isinstance(rig.agent_media, SecureTalker)
    return [*keys_seen(rig.platform), *rig.agent_media.own]


def what_the_partner_gets(story: Story) -> list[bytes]:
    """The customer's digits on their way to the partner, as they are on the wire."""
    partner = story.rig.partner_customer_media
    assert isinstance(partner, SecureTalker)
    partner.clear()
    story.rig.customer_media.press()
    assert partner.wait_voice(CUSTOMER) >= 15
    return list(partner.raw)


@pytest.mark.compat
def test_every_secure_has_keys_that_the_platform_never_saw(one: Rig) -> None:
    """The agent's leg first, then the customer's."""
    orders: tuple[tuple[Leg, Leg], ...] = (("agent", "customer"), ("customer", "agent"))
    story = inbound(one)
    story.everybody_talks()
    heard_at_home(story)
    used: set[bytes] = set()
    for order in orders:
        answers = {leg: cryptos(story.to_partner(leg)) for leg in order}
        heard_while_secured(story)
        for (key,) in answers.values():
            assert key.suite.name == AT_PARTNER
            assert key.key not in used, "not new"
            used.add(key.key)
        packets = what_the_partner_gets(story)
        assert opens(packets, answers["customer"][0]) == len(packets)
        foreign = [*known_to_the_platform(one), *answers["agent"]]
        foreign += [
            replace(known, suite=answers["customer"][0].suite)
            for known in foreign
            if known.suite.key_bytes == answers["customer"][0].suite.key_bytes
        ]
        assert [opens(packets, known) for known in foreign] == [0] * len(foreign)
        fence_stands(story)
        home_again(story)
    # What is the partner's alone: all keys of the suite that is used there, its own ones included.
    partners = {known.key for known in keys_seen(one.partner) if known.suite.name == AT_PARTNER}
    assert used <= partners
    assert not partners & {known.key for known in known_to_the_platform(one)}
    assert not {known.suite.name for known in known_to_the_platform(one)} & {AT_PARTNER}
    story.hang_up()


def test_outbound(one: Rig) -> None:
    story = outbound(one)
    story.everybody_talks()
    heard_at_home(story)
    assert story.leg1_invite is not None
    assert suites(story.leg1_invite.body) == [AT_HOME], (
        "the platform's other keys are not the partner's business"
    )
    for _ in range(2):
        story.secure("agent")
        heard_while_secured(story)
        packets = what_the_partner_gets(story)
        assert not sum(opens(packets, known) for known in known_to_the_platform(one))
        home_again(story)


@pytest.mark.compat
@pytest.mark.parametrize("leg", ["customer", "agent"])
def test_secure_without_the_suite_that_is_for_it_is_refused(one: Rig, leg: Leg) -> None:
    """With the suite for home the edge would go on with a key that the platform has read."""
    story = inbound(one)
    story.everybody_talks()
    offer = story.partner_media(leg).sdp(5)
    kept = [line for line in offer.split("\r\n") if AT_PARTNER not in line]
    cseq = story.offer(leg, "\r\n".join(kept))
    assert story.near(leg).answered(cseq).status == 488
    story.near(leg).ack(cseq)
    assert one.count("profile_refused") > 0
    heard_at_home(story)


@pytest.mark.parametrize(("leg", "code"), [("customer", 491), ("agent", 603)])
def test_refused_secure(one: Rig, leg: Leg, code: int) -> None:
    story = inbound(one)
    story.everybody_talks()
    heard_at_home(story)
    test_refused.refuse(story, leg, story.partner_media(leg).sdp(7), code)
    heard_at_home(story)


@pytest.mark.parametrize("leg", ["customer", "agent"])
def test_refused_restore(one: Rig, leg: Leg) -> None:
    story = inbound(one)
    story.everybody_talks()
    story.secure()
    test_refused.refuse(story, leg, story.home[leg], 491)
    heard_while_secured(story)
    fence_stands(story)


def test_late_offer(one: Rig) -> None:
    test_calls.test_late_offer(one)


def test_no_customer_audio_reaches_the_agent(one: Rig) -> None:
    leaked, to_partner, from_partner = test_secure.leak(inbound(one), "customer", partner_talks=True)
    assert leaked == 0
    assert to_partner > 150
    assert from_partner > 150


def in_parts(sdp: str) -> str:
    """A caller's location beside the SDP (RFC 6442)."""
    return multipart(part(SDP_TYPE, sdp), part("Content-Type: application/pidf+xml", "<presence/>"))


@pytest.mark.compat
def test_sdp_in_parts_that_cannot_be_cut_is_shown_to_nobody(one: Rig) -> None:
    """Between partner and platform it would go with all of its keys: an offer is refused, an answer loses its body."""
    offer = in_parts(one.agent_media.sdp())
    platform = Dialog.new(one.platform, f"sip:+447700900555@{one.kamailio.sip[0]}", user=NUMBER)
    cseq = platform.request("INVITE", body=offer, content_type="multipart/mixed;boundary=b")
    assert platform.answered(cseq).status == 488
    assert one.partner.untaken("INVITE") == []
    story = inbound(one)
    cseq = story.partner_agent.request("INVITE", sdp=story.home["agent"])
    request = story.platform.incoming("INVITE")
    one.platform.reply(
        request, 200, tag=story.platform.tag, body=offer, content_type="multipart/mixed;boundary=b"
    )
    assert story.partner_agent.answered(cseq).body == ""
    story.partner_agent.ack(cseq)


@pytest.mark.compat
def test_an_emergency_call_with_a_location_goes_out(one: Rig) -> None:
    """Nothing of it is shown to the partner, so its body need not be cut for the partner, and no rule of that kind refuses it."""
    platform = Dialog.new(one.platform, "urn:service:sos", user=NUMBER)
    offer = in_parts(one.agent_media.sdp())
    cseq = platform.request("INVITE", body=offer, content_type="multipart/mixed;boundary=b")
    invite = one.carrier.expect_request("INVITE")
    assert "<presence/>" in invite.body
    assert str(one.deployment.edges[0].media) in invite.body
    Dialog.of(one.carrier, invite).reply(invite, 200, sdp=one.customer_media.sdp())
    assert suites(platform.answered(cseq).body) == [PLATFORM_SUITE]
    platform.ack(cseq)
    assert one.partner.untaken("INVITE") == []


def test_past_the_partner_the_platform_has_its_own_suite(one: Rig) -> None:
    platform = Dialog.new(one.platform, f"sip:+447700900555@{one.kamailio.sip[0]}", user=NUMBER)
    cseq = platform.request("INVITE", sdp=one.agent_media.sdp())
    leg1 = one.partner.expect_request("INVITE")
    assert suites(leg1.body) == [AT_HOME]
    one.partner.reply(leg1, 503, tag="x")
    invite = one.carrier.expect_request("INVITE")
    Dialog.of(one.carrier, invite).reply(invite, 200, sdp=one.customer_media.sdp())
    answer = platform.answered(cseq)
    platform.ack(cseq)
    assert suites(answer.body) == [PLATFORM_SUITE]


def test_without_the_cut_the_platforms_key_opens_it(make_rig: MakeRig) -> None:
    """What it is for: the key that the partner is given at each Secure is the one that the platform read in its first INVITE."""
    rig = make_rig(
        settings=ONE,
        edits=(
            ("route[ONE_SUITE_AT_HOME] {", "route[ONE_SUITE_AT_HOME] {\n\treturn;"),
            ('set_body("$var(sdp)", "application/sdp");', ""),
            (f'PLATFORM_SUITES "{PLATFORM_SUITE}"', f'PLATFORM_SUITES "{AT_PARTNER}|{AT_HOME}"'),
        ),
    )
    story = inbound(speaking(rig, AT_PARTNER, AT_HOME))
    assert story.leg2_invite is not None
    (known, *_) = cryptos(story.leg2_invite.body)
    story.everybody_talks()
    story.secure()
    packets = what_the_partner_gets(story)
    assert opens(packets, known) == len(packets)
