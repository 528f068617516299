"""The explorer's rules about media are the router's: walks of the model, done with the real one, and after each step a key is pressed."""

from __future__ import annotations

import pytest

from callseal.explorer import router as model
from callseal.explorer.router import Rules
from callseal.explorer.world import LegName, Where, World
from tests.integration.router.rig import Rig
from tests.integration.router.story import Story, inbound
from tests.integration.router.test_refused import refuse

pytestmark = pytest.mark.integration

RULES = Rules()
WALKS: dict[str, tuple[str, ...]] = {
    "there and back": ("hold", "agent partner", "customer partner", "customer home", "agent home", "unhold"),
    "refused there": ("hold", "customer partner 488", "agent partner", "customer partner", "agent home 488"),
    "refused back": (
        "hold",
        "customer partner",
        "agent partner 488",
        "agent partner",
        "customer home 491",
        "customer home",
        "agent home",
    ),
    "unheld too early": ("hold", "customer partner 488", "unhold"),
}


def modelled(world: World, step: str) -> World:
    if step in ("hold", "unhold"):
        return model.held(world) if step == "hold" else model.unheld(world)
    leg, where, *code = step.split()
    offered = model.offered(world, _leg(leg), _where(where), RULES)
    return model.refused(offered, _leg(leg), RULES) if code else model.answered(offered, _leg(leg), RULES)


def done(story: Story, step: str) -> None:
    if step == "unhold":
        story.release_hold()
        return
    if step == "hold":
        for command in ("block DTMF", "block media"):
            story.rig.ask_rtpengine(
                command,
                **{
                    "call-id": f"{story.carrier.call_id}.customer",
                    "label": "carrier",
                    "flags": ["directional"],
                },
            )
        return
    name, where, *code = step.split()
    leg = _leg(name)
    if code:
        there = story.partner_media(leg).sdp(story.next_version())
        refuse(story, leg, there if where == "partner" else story.home[leg], int(code[0]))
        story.rig.sink.wait_leg(leg, "undone")
    elif where == "partner":
        story.to_partner(leg)
    else:
        story.to_home(leg)


@pytest.mark.parametrize("walk", WALKS)
def test_the_model_hears_what_the_agent_hears(rig: Rig, walk: str) -> None:
    story, world = inbound(rig), World(0)
    story.everybody_talks()
    for step in WALKS[walk]:
        done(story, step)
        world = modelled(world, step)
        straight = world.customer.at == "home" and not world.held
        rig.agent_media.clear()
        rig.customer_media.press()
        rig.agent_media.wait_voice(0, packets=1, timeout_s=0.4)
        assert (rig.agent_media.events() > 0) == straight, f"after {step}: the customer's key"
        if world.agent.at == "partner":
            rig.agent_media.clear()
            rig.partner_agent_media.press()
            rig.agent_media.wait_voice(0, packets=1, timeout_s=0.4)
            assert (rig.agent_media.events() > 0) == (not world.fence), f"after {step}: the partner's key"
    story.hang_up()


def _leg(name: str) -> LegName:
    return "customer" if name == "customer" else "agent"


def _where(name: str) -> Where:
    return "partner" if name == "partner" else "home"
