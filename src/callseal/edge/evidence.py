"""When has a leg moved? Pure: two looks at an anchor in, packets per direction and a yes or no out.

An SDP that was answered says where media should go. Evidence is that it went: the partner's side of the anchor points at
the expected place, and since the first look that saw it there, packets have passed in the directions that matter.

| leg, to | what must grow | why not more |
|---|---|---|
| customer, partner | received from the carrier, sent to the partner | the partner may stay silent until it prompts |
| agent, partner | received from the partner, sent to the platform | the agent's microphone proves nothing about the partner |
| agent, partner, fence `mute` | received from the partner | the fence sends nothing on |
| customer, home | received from the carrier | the hold is still on, nothing may be sent on |
| agent, home | received from the platform, sent to the partner's side | the customer is still on hold |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from callseal.edge.anchors import OUTSIDE, Anchor, Leg, Place
from callseal.edge.settings import EdgeSettings

Target = Literal["partner", "home"]

REQUIRED: Mapping[tuple[Leg, Target], tuple[str, ...]] = {
    ("customer", "partner"): ("from_carrier", "carrier_to_partner"),
    ("agent", "partner"): ("from_partner", "partner_to_platform"),
    ("customer", "home"): ("from_carrier",),
    ("agent", "home"): ("from_platform", "platform_to_partner"),
}


@dataclass(frozen=True, slots=True)
class Look:
    """One look: on which node, where the partner's side points, and the cumulative counters."""

    node: str
    place: Place
    packets: Mapping[str, int]


def counters(anchor: Anchor, leg: Leg) -> dict[str, int]:
    """Cumulative packets of one anchor: received from each side, and sent on to each side."""
    outside = OUTSIDE[leg]
    return {
        f"from_{outside}": anchor.received_from(outside),
        f"{outside}_to_partner": anchor.sent_to("partner"),
        "from_partner": anchor.received_from("partner"),
        f"partner_to_{outside}": anchor.sent_to(outside),
    }


def arrived(place: Place, target: Target, settings: EdgeSettings) -> bool:
    """Whether the partner's side points where it should. With one anchor, home is the platform's own address."""
    if target == "partner":
        return place == "partner"
    return place == "home" or (settings.anchors == "one" and place == "platform")


def growth(first: Look, now: Look) -> dict[str, int]:
    """Packets since the first look. Another node, or counters that went back: nothing can be said, so zero."""
    if now.node != first.node:
        return dict.fromkeys(now.packets, 0)
    return {name: max(count - first.packets.get(name, 0), 0) for name, count in now.packets.items()}


def flows(leg: Leg, target: Target, packets: Mapping[str, int], *, muted: bool = False) -> bool:
    """Whether every direction that matters has grown. `muted`: the fence lets no audio of the partner's pass."""
    required = ("from_partner",) if muted and (leg, target) == ("agent", "partner") else REQUIRED[leg, target]
    return all(packets.get(name, 0) > 0 for name in required)
