"""Calls in both directions, without a payment: who hears whom, what each side is shown."""

from __future__ import annotations

import pytest
from tests.integration.router.rig import AGENT, CUSTOMER, Rig
from tests.integration.router.story import inbound

pytestmark = pytest.mark.integration


@pytest.mark.compat
def test_inbound_call_talks_both_ways_and_ends(rig: Rig) -> None:
    story = inbound(rig)
    story.everybody_talks()
    assert rig.agent_media.wait_voice(CUSTOMER) >= 15
    assert rig.customer_media.wait_voice(AGENT) >= 15
    story.hang_up()
    assert not rig.anchored(story.carrier.call_id, "customer")
    assert not rig.anchored(story.partner_agent.call_id, "agent")
