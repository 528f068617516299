"""Why `check` refuses one anchor with SRTP (CS035): what happens where somebody switches it on all the same.

At home the platform is shown the partner's side of the customer leg's anchor, key included. These tests say what a router that
allows it would have to change first; docs/how-to/srtp.md has the list. They go when it has."""

from __future__ import annotations

import pytest

from tests.integration.router.conftest import MakeRig
from tests.integration.router.rig import CUSTOMER, Rig
from tests.integration.router.story import NUMBER, inbound, second_headers, second_leg
from tests.integration.router.test_srtp import AT_HOME, AT_PARTNER, PLATFORM_SUITE, SRTP, opens, suites
from tests.support.sip_peer import Dialog
from tests.support.srtp_talker import SecureTalker, cryptos

pytestmark = pytest.mark.integration

ONE = ("#!define PARTNER_SUITES", "#!define ANCHORS_ONE\n#!define PARTNER_SUITES")
THE_PARTNERS = (
    f'#!define PLATFORM_SUITES "{PLATFORM_SUITE}"',
    f'#!define PLATFORM_SUITES "{AT_PARTNER}|{AT_HOME}"',
)


@pytest.mark.compat
def test_the_platforms_key_opens_what_the_partner_gets(make_rig: MakeRig) -> None:
    """With the partner's suites, without which they could not talk at home. The key that the partner is given at each Secure is not
    new: it is the one that the platform read in its first INVITE. And the partner's own key is handed to the platform."""
    rig = make_rig(settings=SRTP, edits=(ONE, THE_PARTNERS))
    agent, partner = rig.agent_media, rig.partner_customer_media
    assert isinstance(agent, SecureTalker)
    assert isinstance(partner, SecureTalker)
    agent.speak((AT_PARTNER, AT_HOME))
    try:
        story = inbound(rig)
        assert story.leg2_invite is not None
        (known, *_) = cryptos(story.leg2_invite.body)
        story.everybody_talks()
        for _ in range(2):
            story.to_partner("agent")
            given = {one.key for one in cryptos(story.at_platform)}
            assert given & {one.key for one in getattr(rig.partner_agent_media, "own", ())}, (
                "the partner's own"
            )
            answer = story.to_partner("customer")
            assert [one.key for one in cryptos(answer)] == [known.key]
            partner.clear()
            rig.customer_media.press()
            assert partner.wait_voice(CUSTOMER) >= 15
            packets = list(partner.raw)
            assert opens(packets, known) == len(packets), (
                "what the customer types, opened by the agent's side"
            )
            story.restore()
            story.release_hold()
    finally:
        agent.speak((PLATFORM_SUITE,))


@pytest.mark.compat
def test_with_suites_of_its_own_the_platform_has_no_call(make_rig: MakeRig) -> None:
    """With the suites that CS090 asks for no key is shared, and the platform is offered none that it speaks."""
    rig: Rig = make_rig(settings=SRTP, edits=(ONE,))
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    carrier.request("INVITE", sdp=rig.customer_media.sdp())
    leg1 = rig.partner.expect_request("INVITE")
    rig.partner.reply(leg1, 100)
    second = second_leg(rig, leg1)
    cseq = second.request("INVITE", sdp=leg1.body, headers=second_headers(leg1, "tok"))
    leg2 = rig.platform.expect_request("INVITE")
    assert PLATFORM_SUITE not in suites(leg2.body)
    rig.platform.reply(leg2, 488, tag="x")
    assert second.answered(cseq).status == 488
    rig.partner.reply(leg1, 488, tag="y")
    assert carrier.answered(1).status == 488
