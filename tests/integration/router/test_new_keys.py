"""A peer brings new SRTP keys in a re-INVITE (a session timer, a phone that was moved): understood from then on, and with the old ones no more."""

from __future__ import annotations

import pytest

from callseal.wire.srtp import Crypto
from tests.integration.router.conftest import TWO, MakeRig
from tests.integration.router.hearing import (
    fence_stands,
    heard_at_home,
    heard_while_secured,
    home_again,
    secured_and_heard,
)
from tests.integration.router.rig import AGENT, PARTNER_AGENT, PARTNER_CUSTOMER, Rig
from tests.integration.router.story import Leg, Story, inbound
from tests.support.srtp_talker import SecureTalker

pytestmark = [pytest.mark.integration, pytest.mark.compat]

LEGS: tuple[Leg, ...] = ("customer", "agent")


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    """All three faces speak SRTP."""
    return make_rig(settings=TWO | {"media_profile": '"srtp"'})


def far_side_brings_new_keys(story: Story, leg: Leg, answer: str, *, speaks_with_them: bool = True) -> str:
    """A re-INVITE of carrier or platform, answered by the partner with what it had; returns what the partner was offered."""
    media = story.far_media(leg)
    assert isinstance(media, SecureTalker)
    before = media.own
    media.bring_new_keys()
    assert not keys(before) & keys(media.own)
    far, near = story.far(leg), story.near(leg)
    cseq = far.request("INVITE", sdp=media.sdp(story.next_version()))
    there = near.incoming("INVITE")
    near.reply(there, 200, sdp=answer)
    final = far.answered(cseq)
    assert final.status == 200, final.start
    far.ack(cseq)
    near.incoming("ACK")
    if not speaks_with_them:
        media.own = before
    media.send_to(final.body)
    return there.body


def keys(own: list[Crypto]) -> set[bytes]:
    return {one.key for one in own}


def test_carrier_and_platform_at_home(rig: Rig) -> None:
    story = inbound(rig)
    story.everybody_talks()
    heard_at_home(story)
    for leg in LEGS:
        far_side_brings_new_keys(story, leg, story.home[leg])
        heard_at_home(story)
    secured_and_heard(story)
    home_again(story)
    story.hang_up()


def test_carrier_platform_and_partner_while_secured(rig: Rig) -> None:
    """Nothing moves, and the fence stands; the partner's every re-INVITE brings new keys."""
    story = inbound(rig)
    story.everybody_talks()
    story.secure()
    heard_while_secured(story)
    for leg in LEGS:
        partner = story.partner_media(leg)
        partner.send_to(far_side_brings_new_keys(story, leg, partner.sdp(story.next_version())))
        heard_while_secured(story)
        story.to_partner(leg)
        heard_while_secured(story)
        fence_stands(story)
    home_again(story)
    story.hang_up()


def test_the_old_key_is_heard_no_more(rig: Rig) -> None:
    """So the tests above hear the new one."""
    story = inbound(rig)
    story.everybody_talks()
    heard_at_home(story)
    far_side_brings_new_keys(story, "agent", story.home["agent"], speaks_with_them=False)
    rig.customer_media.clear()
    assert rig.customer_media.wait_voice(AGENT, timeout_s=1) == 0
    assert rig.customer_media.voices(PARTNER_AGENT) == rig.customer_media.voices(PARTNER_CUSTOMER) == 0
