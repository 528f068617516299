"""How many rtpengine sessions a normal call crosses, when the deployment does not say (ADR 28)."""

from __future__ import annotations

from typing import Literal, TypeAlias

from callseal.deployment.model import Deployment

Anchors: TypeAlias = Literal["one", "two"]


def anchors(deployment: Deployment) -> Anchors:
    """What the platform's `anchors` says; left out: `one` where nothing speaks against it."""
    return deployment.platform.anchors or ("two" if against_one(deployment) else "one")


def against_one(deployment: Deployment) -> str:
    """Why one anchor is not chosen by itself, in a few words; empty when nothing speaks against it.

    With one anchor partner and platform are shown each other's SDP at home, and the edge takes audio from the address that the
    platform's SDP names and from no other.
    """
    platform = deployment.platform
    if {deployment.partner.media_profile, platform.media_profile} != {"rtp"}:
        return "with SRTP it asks the platform for the partner's suite at home"
    if len({network.version for face in (*deployment.partners, platform) for network in face.media}) > 1:
        return "partner and platform have media in IPv4 and IPv6"
    wide = next((network for network in platform.media if network.num_addresses > 1), None)
    if wide is not None:
        return f"the platform's media may be anywhere in {wide}"
    inside = next((network for network in platform.media if not network.is_global), None)
    if inside is not None and deployment.router.topology == "hidden":
        return f'the partner would be shown {inside.network_address}, an inside address (topology = "hidden")'
    return ""
