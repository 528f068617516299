"""What may be passed again when a hold's time is up: one rule, of where the media of both legs is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from callseal.edge.anchors import Place

Sight: TypeAlias = Place | Literal["gone", "silent"]
"""Where a leg is: a place; `gone`, no rtpengine has such a call; `silent`, not every rtpengine answered."""
Lift: TypeAlias = Literal["all", "media", "nothing", "forget"]


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Both legs of a call, and the node that has the customer leg."""

    customer: Sight
    agent: Sight
    node: str


def expiry_rule(seen: Whereabouts, *, one_anchor: bool, out_of_time: bool) -> Lift:
    """What an expired hold lifts. The reasons are in docs/explanation/edge-agent.md.

    A customer leg at the partner talks to the partner only: pass everything. With both legs home (or no agent anchor
    left) the call is an ordinary one: pass everything. A customer leg at home while the agent leg is not is neither
    secured nor restored: keep everything and look again; when the time is out pass the audio, so that the call goes
    on, and keep the digits. Anything else is not understood: keep everything.
    """
    if seen.customer == "gone":
        return "forget"
    if seen.customer == "partner":
        return "all"
    at_home = seen.customer == "home" or (one_anchor and seen.customer == "platform")
    if not at_home:
        return "nothing"
    if seen.agent in ("home", "gone"):
        return "all"
    return "media" if out_of_time else "nothing"
