"""Media that an edge behind one-to-one NAT sends to its own public address: it stays on the machine.

At home the two anchors of a call send to each other, at the address that the SDP shows. Not every cloud brings such a packet back
("hairpin"), and none need see it. So it turns round here, with the addresses it would have had: it arrives at the card's address,
from the public one, which is what rtpengine's strict-source waits for. Nothing is tracked. docs/adr/0033.
"""

from __future__ import annotations

from callseal.deployment import Edge

COUNTER = "own_public"

_CHAINS = """\
	# Both anchors of a call are here, and each sends to the other at the public address: that goes nowhere.
	chain own_public_out {{
		type route hook output priority mangle; policy accept;
		ip saddr {card} ip daddr {public} udp dport {ports} ip daddr set {card}
		# Word of a closed port, when a call has just ended: to nobody.
		ip daddr {public} drop
	}}

	chain own_public_in {{
		type filter hook input priority mangle; policy accept;
		iifname "lo" ip saddr {card} ip daddr {card} udp sport {ports} udp dport {ports} ip saddr set {public}
	}}

"""


def own_public(edge: Edge) -> str:
    """Chains for the table of that edge's firewall, which counts under `COUNTER` what they turn round; "" where `media` is on the card itself."""
    if edge.bind_media is None:
        return ""
    ports = f"{edge.media_ports.first}-{edge.media_ports.last}"
    return _CHAINS.format(card=edge.bind_media, public=edge.media, ports=ports)
