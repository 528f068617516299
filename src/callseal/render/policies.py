"""What each face may do, for Kamailio: `data/policies.cfg`, read by `router/srtp.cfg`, `router/trust.cfg` and `router/fence.cfg`. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from callseal.deployment import Carrier, Deployment, Peer
from callseal.deployment.policies import CALLER_HEADERS, FencePolicy

_COMPACT = {"Identity": "y"}
"""RFC 8224 section 4: the compact form means the same header."""

# No delay-buffer, trigger, zero or random: they crash rtpengine or leak (docs/explanation/router.md). `detect-DTMF` is what puts the
# tone filter into the audio of a leg that has agreed on telephone-events.
_TONES = " DTMF-security=silence detect-DTMF"
_G711 = " codec-strip-all codec-offer-PCMU codec-offer-PCMA codec-offer-telephone-event"


def policies(deployment: Deployment, groups: Mapping[str, int]) -> str:
    """The file's text; `groups` gives the number of each carrier's address group, by its id."""
    carriers = {groups[carrier.id]: carrier for carrier in deployment.carriers}
    lines = [
        f'#!define PARTNER_SUITES "{suites(deployment.partner)}"\n',
        f'#!define PLATFORM_SUITES "{suites(deployment.platform)}"\n',
        f'#!define CARRIER_SUITES "{_params({group: suites(one) for group, one in carriers.items()})}"\n',
        f'#!define CARRIER_PAYMENTS "{_params({group: str(int(one.payments)) for group, one in carriers.items()})}"\n',
        f'#!define CARRIER_STRIPS "{_params({group: stripped(one) for group, one in carriers.items()})}"\n',
        *fence(deployment.fence),
    ]
    if any(peer.media_profile == "srtp" for peer in deployment.peers):
        lines.insert(0, "#!define SRTP\n")
    return "".join(lines)


def fence(policy: FencePolicy) -> tuple[str, ...]:
    """What rtpengine is asked for beyond `block-DTMF`, with which codecs, and the switch of the policy."""
    tones = policy == "tones"
    return (
        f'#!define FENCE_SECURITY "{_TONES if tones else ""}"\n',
        f'#!define FENCE_CODECS "{_G711 if tones else ""}"\n',
        *(f"#!define FENCE_{policy.upper()}\n" for _ in range(policy in ("tones", "mute"))),
    )


def suites(peer: Peer) -> str:
    """Crypto suites with | between them; nothing for a peer that speaks RTP."""
    return "|".join(peer.srtp_suites) if peer.media_profile == "srtp" else ""


def stripped(carrier: Carrier) -> str:
    """Names of the headers that are taken from what this carrier sends, with | between them."""
    names = [name for name in CALLER_HEADERS if name not in carrier.headers]
    return "|".join(form for name in names for form in (name, _COMPACT.get(name)) if form)


def _params(values: Mapping[int, str]) -> str:
    return ";".join(f"{group}={value}" for group, value in values.items() if value)
