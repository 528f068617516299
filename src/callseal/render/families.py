"""IPv4 and IPv6 beside each other: what Kamailio is told where an edge has both (`sip6`, `media6`). Read by `router/families.cfg`.

An edge with one family gets none of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from callseal.deployment import Deployment, Edge, Peer
from callseal.deployment.values import Network
from callseal.render.transports import streams


def families(deployment: Deployment, edge: Edge, groups: Mapping[str, int]) -> dict[str, str]:
    """Defines; `groups` gives the number of each carrier's address group, by its id. Empty for an edge with one family."""
    if edge.sip6 is None and edge.sip_tls6 is None and edge.media6 is None:
        return {}
    defines = {"TWO_FAMILIES": ""} | _listeners(deployment, edge)
    media6 = edge.media6 is not None
    for face, peer in (("PARTNER", deployment.partner), ("PLATFORM", deployment.platform)):
        defines[f"{face}_SIP"] = f'"{_family(peer.signalling)}"'
        defines[f"{face}_FAMILY"] = f'"{_media_family(peer, both=media6)}"'
    carriers = {groups[one.id]: one for one in deployment.carriers}
    sip = {group: _family(one.signalling) for group, one in carriers.items()}
    media = {group: _media_family(one, both=media6) for group, one in carriers.items()}
    return defines | {"CARRIERS_SIP": _params(sip), "CARRIERS_FAMILY": _params(media)}


def _listeners(deployment: Deployment, edge: Edge) -> dict[str, str]:
    spoken = streams(deployment)
    defines: dict[str, str] = {}
    if edge.sip6 is not None:
        defines |= {
            "WITH_SIX": "",
            "EDGE_LISTEN_SIX": f"udp:{edge.sip6}",
            "EDGE_URI_SIX": f'"sip:{edge.sip6}"',
        }
        if "tcp" in spoken:
            defines["EDGE_LISTEN_TCP_SIX"] = f"tcp:{edge.sip6}"
    if edge.sip_tls6 is not None and "tls" in spoken:
        shown = f" advertise {edge.host}:{edge.sip_tls6.port}" if edge.host else ""
        defines["EDGE_LISTEN_TLS_SIX"] = f"tls:{edge.sip_tls6}{shown}"
    source = edge.sip_tls6 if "tls" in spoken else edge.sip6
    if spoken and source is not None:
        defines["EDGE_SOURCE_SIX"] = f"[{source.address}]"
    return defines


def _media_family(peer: Peer, *, both: bool) -> str:
    """What an offer to that peer says: IPv6 to those who have nothing else; IPv4 where both would do."""
    return _family(peer.media) if both else "IP4"


def _family(networks: Iterable[Network]) -> str:
    return "IP6" if {network.version for network in networks} == {6} else "IP4"


def _params(values: Mapping[int, str]) -> str:
    return '"' + ";".join(f"{group}={value}" for group, value in values.items()) + '"'
