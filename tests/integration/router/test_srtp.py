"""SRTP towards partner and platform behind an RTP carrier: keys never shared, new at every move, and nothing else changes."""

from __future__ import annotations

import pytest

from tests.integration.router import test_refused
from tests.integration.router.conftest import MakeRig
from tests.integration.router.rig import AGENT, CUSTOMER, Rig
from tests.integration.router.story import Leg, inbound, outbound
from tests.integration.router.test_secure import heard_at_home, heard_while_secured

pytestmark = [pytest.mark.integration, pytest.mark.compat]

SRTP = {"partner.media_profile": '"srtp"', "platform.media_profile": '"srtp"'}


@pytest.fixture
def secure(make_rig: MakeRig) -> Rig:
    return make_rig(settings=SRTP)


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
    story.restore()
    story.release_hold()
    heard_at_home(story)
    story.hang_up()


@pytest.mark.parametrize(("leg", "code"), [("customer", 488), ("customer", 491), ("agent", 603)])
def test_refused_secure_is_undone_both_ways(secure: Rig, leg: Leg, code: int) -> None:
    """With the keys of before: the edge has them from rtpengine, nobody else could tell."""
    test_refused.test_refused_secure_is_undone_both_ways(secure, leg, code)


@pytest.mark.parametrize("leg", ["customer", "agent"])
def test_refused_restore_leaves_media_at_the_partner(secure: Rig, leg: Leg) -> None:
    test_refused.test_refused_restore_leaves_media_at_the_partner(secure, leg)


def test_refused_hold_of_the_platform_leaves_media_open(secure: Rig) -> None:
    test_refused.test_refused_hold_of_the_platform_leaves_media_open(secure)
