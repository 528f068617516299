"""What an edge may have beside the plainest one, each part written into a deployment text so that any of them stand together."""

from __future__ import annotations

from callseal.lab.encryption import TLS_PORT
from tests.integration.router.rig import BLOCK
from tests.integration.router.six import EDGE, EDGE_MEDIA

PARTS = ("trace", "second address", "one anchor", "SRTP", "names", "TLS")
RESOLVER = BLOCK.host(53)
COLLECTOR = f"{BLOCK.host(90)}:9060"
SETTINGS = {
    "trace": {"fence": f'"events"\nhep = "{COLLECTOR}"'},
    "one anchor": {"anchors": '"one"'},
    "SRTP": {"media_profile": '"srtp"'},
}
"""Lines of the example deployment, for a `Workspace`."""
_PEERS = {"carrier": BLOCK.customer, "partner": BLOCK.partner, "platform": BLOCK.agent}
_NAMES = f"""
[dns]
resolvers = ["{RESOLVER}"]

[[regions]]
id = "local"
cluster = "sip.example.net"
"""


def settings_of(parts: frozenset[str]) -> dict[str, str]:
    return {key: value for part in sorted(parts) for key, value in SETTINGS.get(part, {}).items()}


def amended(text: str, parts: frozenset[str]) -> str:
    """What no `settings` can say: a second address in IPv6, and every peer's destination a name (`zones`)."""
    tls = "TLS" in parts
    if "second address" in parts:
        sip6 = f'sip6 = "[{EDGE}]:5060"\n' + (f'sip_tls6 = "[{EDGE}]:{TLS_PORT}"\n' if tls else "")
        text = text.replace(f'sip = "{BLOCK.kamailio}:5060"\n', f'sip = "{BLOCK.kamailio}:5060"\n{sip6}')
        text = text.replace(
            f'media = "{BLOCK.edge_media}"\n', f'media = "{BLOCK.edge_media}"\nmedia6 = "{EDGE_MEDIA}"\n'
        )
    if "names" in parts:
        for face, address in _PEERS.items():
            text = text.replace(f'"sip:{address}:{TLS_PORT if tls else 5060}"', f'"sip:{face}.example"')
        text += _NAMES
    return text


def zones() -> dict[str, str]:
    """A zone for each peer: NAPTR to TLS, one server."""
    return {
        f"{face}.example": f"""\
$ORIGIN {face}.example.
@ 60 IN SOA ns.{face}.example. hostmaster.{face}.example. 1 3600 600 604800 5
@ 60 IN NS ns.{face}.example.
@ 60 IN NAPTR 10 10 "s" "SIPS+D2T" "" _sips._tcp.{face}.example.
_sips._tcp 60 IN SRV 10 10 {TLS_PORT} server.{face}.example.
server 60 IN A {address}
"""
        for face, address in _PEERS.items()
    }
