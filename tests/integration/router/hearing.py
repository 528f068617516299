"""Who hears whom, asked of the media endpoints: at home, while secured, on the way there and back, and whether a digit gets through."""

from __future__ import annotations

from tests.integration.router.rig import AGENT, CUSTOMER, PARTNER_AGENT, PARTNER_CUSTOMER
from tests.integration.router.story import Story


def heard_at_home(story: Story) -> None:
    """Customer and agent hear each other."""
    rig = story.rig
    assert rig.agent_media.wait_voice(CUSTOMER) >= 15
    assert rig.customer_media.wait_voice(AGENT) >= 15


def heard_while_secured(story: Story) -> None:
    """Both hear the partner, and the partner hears both."""
    rig = story.rig
    assert rig.partner_customer_media.wait_voice(CUSTOMER) >= 15
    assert rig.customer_media.wait_voice(PARTNER_CUSTOMER) >= 15
    assert rig.agent_media.wait_voice(PARTNER_AGENT) >= 15
    assert rig.partner_agent_media.wait_voice(AGENT) >= 15


def fence_stands(story: Story) -> None:
    """A digit that the partner lets through on the agent leg ends at the edge."""
    rig = story.rig
    rig.agent_media.clear()
    rig.partner_agent_media.press()
    rig.agent_media.wait_voice(PARTNER_AGENT)
    assert rig.agent_media.events() == 0, "the fence let a digit through"


def secured_and_heard(story: Story) -> None:
    """Both legs to the partner: everybody is heard there, and no digit comes back."""
    story.secure()
    heard_while_secured(story)
    fence_stands(story)


def home_again(story: Story) -> None:
    """Both legs back, the hold lifted: customer and agent hear each other."""
    story.restore()
    story.release_hold()
    heard_at_home(story)
