"""What Kamailio is given for one edge: the names and texts of its data files. Pure apart from reading the signing secrets
and the certificate files."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network

from callseal.deployment import Deployment, Edge, Number, Peer
from callseal.deployment.anchoring import anchors
from callseal.deployment.emergency import services
from callseal.deployment.groups import PARTNER_GROUP, PLATFORM_GROUP, carrier_group
from callseal.render.bound import listener
from callseal.render.environment import ENVIRONMENT, environment
from callseal.render.families import families
from callseal.render.file import SECRET_MODE, RenderedFile
from callseal.render.firewall import firewall, ng_http
from callseal.render.keys import derive
from callseal.render.policies import policies
from callseal.render.transports import (
    destination,
    listeners,
    lookups,
    names,
    proof,
    resolver_file,
    tls_files,
)

SEEN_AT = "/run/callseal"
"""Where Kamailio sees the rendered directory, unless told otherwise (the lab and the image mount it there)."""

COOKIE_SECONDS = 300
PING_SECONDS = 10
AGENT_PATIENCE = 60
"""Tries, one a second, before a notice to the edge agent is given up."""

_DEFINES = """\
#!define EDGE_SERVER_ID {server_id}
#!define EDGE_LISTEN udp:{listener}
#!define EDGE_URI "sip:{sip}"
#!define EDGE_REGION "{region}"

#!define AGENT_CONNECTION "agent=>{agent};timeout=2000"
#!define HOLD_CONNECTION "hold=>{agent};timeout=700"
#!define AGENT_PATIENCE {agent_patience}
#!define EVENTS_URI "sip:{events}"

#!define HOME_MEDIA "{home}"
#!define PARTNER_MEDIA "{partner_media}"
#!define PLATFORM_MEDIA "{platform_media}"
#!define LEARNING_OFF "{learning_off}"

#!substdef "|HDR_TOKEN|{token}|g"
#!substdef "|HDR_COOKIE|{cookie}|g"
#!substdef "|HDR_REFERENCE|{reference}|g"
#!define MESSAGE_BYTES 16384
#!define BODY_BYTES 12288
#!define HEADER_BYTES 4096
#!define HEADER_LINES 120
#!define COOKIE_SECONDS {cookie_seconds}
#!define PING_INTERVAL {ping_seconds}

#!define ADDRESS_FILE "{seen_at}/data/address.list"
#!define DISPATCHER_FILE "{seen_at}/data/dispatcher.list"
#!define NUMBERS_DB "text://{seen_at}/data"
#!define PLAIN_FILE "{seen_at}/plain.re"
#!define CONTROL_SOCKET "{seen_at}/control.sock"
"""

# rtpengine 12.5 and 26 agree on these three; other pairs leak on the one or the other (docs/explanation/router.md).
LEARNING_OFF = " port-latching strict-source endpoint-learning=off"


def plan(deployment: Deployment, edge_id: str, *, seen_at: str = SEEN_AT) -> tuple[RenderedFile, ...]:
    """The data files of edge `edge_id` (`KeyError` when there is none). Raises `SecretError` when a key cannot be read.

    A node (`rn` in cookies and Record-Route, `node` in events) is an edge's `server_id`: the number of its rtpengine set.
    """
    edge = deployment.edge(edge_id)
    return (
        RenderedFile("data/defines.cfg", _defines(deployment, edge, seen_at)),
        RenderedFile("data/keys.cfg", _keys(deployment), SECRET_MODE),
        RenderedFile("data/policies.cfg", _policies(deployment)),
        RenderedFile("data/nodes.cfg", _nodes(edge, deployment.edges, deployment.clusters)),
        RenderedFile("data/address.list", _addresses(deployment)),
        RenderedFile("data/dispatcher.list", _destinations(deployment)),
        RenderedFile("data/numbers", _numbers(deployment)),
        *tls_files(deployment, seen_at.rstrip("/")),
        *resolver_file(deployment),
        RenderedFile(ENVIRONMENT, environment(deployment, edge)),
        RenderedFile(
            "firewall.nft", head(f"Firewall of edge {edge.id}", deployment) + firewall(deployment, edge)
        ),
    )


def head(what: str, deployment: Deployment) -> str:
    return f"# {what}. Rendered from deployment “{deployment.name}”: change that, not this.\n"


def _defines(deployment: Deployment, edge: Edge, seen_at: str) -> str:
    text = head(f"Edge {edge.id}", deployment) + _DEFINES.format(
        server_id=edge.server_id,
        sip=edge.sip,
        listener=listener(edge.bound.sip, edge.sip),
        region=edge.region,
        agent=edge.agent.rstrip("/"),
        events=edge.events,
        agent_patience=AGENT_PATIENCE,
        home=_networks(deployment.media_addresses),
        partner_media=_networks(one for partner in deployment.partners for one in partner.media),
        platform_media=_networks(deployment.platform.media),
        learning_off=LEARNING_OFF,
        token=deployment.partner.token_header,
        cookie=deployment.headers.route_cookie,
        reference=deployment.headers.call_reference,
        cookie_seconds=COOKIE_SECONDS,
        ping_seconds=PING_SECONDS,
        seen_at=seen_at.rstrip("/"),
    )
    switches = {
        "ANCHORS_ONE": anchors(deployment) == "one",
        "PARTNER_EARLY_MEDIA": deployment.partner.early_media,
        "DTMF_INFO_PASSES": deployment.platform.dtmf_info,
        "COOKIE_IN_URI": deployment.partner.cookie_place == "request-uri",
        "TOPOLOGY_SHOWN": deployment.router.topology == "shown",
        "FENCE_OFF": deployment.fence == "unsafe-off",
        "HEP_TRACE": deployment.router.hep is not None,
    }
    values = listeners(deployment, edge, seen_at.rstrip("/")) | names(deployment, edge) | lookups(deployment)
    values |= families(deployment, edge, {one.id: carrier_group(one.id) for one in deployment.carriers})
    return (
        text
        + "".join(f"#!define {name}\n" for name, on in switches.items() if on)
        + "".join(f"#!define {name} {value}".rstrip() + "\n" for name, value in values.items())
    )


def _keys(deployment: Deployment) -> str:
    lines = [head("Signing keys", deployment)]
    for place, key in (("CURRENT", deployment.signing.current), ("PREVIOUS", deployment.signing.previous)):
        if key is not None:
            keys = derive(key.secret.reveal())
            lines += [
                f'#!define KEY_{place}_ID "{key.id}"\n',
                f'#!define KEY_{place}_INNER "{keys.inner}"\n',
                f'#!define KEY_{place}_OUTER "{keys.outer}"\n',
                f'#!define KEY_{place}_HIDING "{keys.hiding}"\n',
            ]
    return "".join(lines)


def _policies(deployment: Deployment) -> str:
    groups = {carrier.id: carrier_group(carrier.id) for carrier in deployment.carriers}
    return head("What each face may do", deployment) + policies(deployment, groups)


def _nodes(own: Edge, edges: Iterable[Edge], clusters: Iterable[str]) -> str:
    """Every edge's node, our own first; every other edge's SIP address as one of ours, for in-dialog requests that were to
    go there; and the name of every cluster, without a port: a Route with it is ours, over whatever it came."""
    edges = tuple(sorted(edges, key=lambda edge: edge.id != own.id))
    sockets = "".join(
        f'modparam("rtpengine", "rtpengine_sock", "{edge.server_id} == udp:{edge.ng}")\n' for edge in edges
    )
    queries = ";".join(f"{edge.server_id}=http://{ng_http(edge)}/ng-plain" for edge in edges)
    # (Ours are its listeners, and listeners know what they show; but over TLS they may show a name, and are bound to no public address.)
    known = edges if own.bind_sip else edges[1:]
    aliases = "".join(f"alias={address}\n" for edge in known for address in _own_addresses(edge))
    # One a line: Kamailio makes one string of two that stand beside each other.
    aliases += "".join(f'alias="{name}"\n' for name in clusters)
    return (
        f"# One rtpengine set an edge, numbered by its server_id.\n{sockets}"
        f'#!define NG_HTTP "{queries}"\n'
        f'#!define NG_CONNECTION "ng=>http://{ng_http(own)}/ng-plain;timeout=300"\n'
        f'#!define NODE_LIST "{":".join(str(edge.server_id) for edge in edges)}"\n'
        f"#!define NODE_COUNT {len(edges)}\n{aliases}"
    )


def _own_addresses(edge: Edge) -> list[str]:
    """What an edge may have written into Record-Route of itself."""
    found = [str(one) for one in (edge.sip, edge.sip6) if one is not None]
    for one in (edge.sip_tls, edge.sip_tls6):
        if one is not None:
            found += [str(one), *([f"{edge.host}:{one.port}"] if edge.host else [])]
    return list(dict.fromkeys(found))


def _addresses(deployment: Deployment) -> str:
    groups: list[tuple[int, str, Iterable[object]]] = [
        *(
            (PARTNER_GROUP, f"id={partner.id}{proof(partner)}{_limits(partner)}", partner.signalling)
            for partner in deployment.partners
        ),
        (
            PLATFORM_GROUP,
            f"id={deployment.platform.id}{proof(deployment.platform)}{_limits(deployment.platform)}",
            deployment.platform.signalling,
        ),
    ]
    groups += [
        (
            carrier_group(carrier.id),
            f"id={carrier.id}{proof(carrier)}{_limits(carrier)}",
            carrier.signalling,
        )
        for carrier in deployment.carriers
    ]
    lines = ["# group address mask port tag\n"]
    for group, tag, networks in groups:
        lines += [
            f"{group} {network.network_address} {network.prefixlen} 0 {tag}\n"
            for network in map(ip_network, map(str, networks))
        ]
    return "".join(lines)


def _limits(peer: Peer) -> str:
    return f";rps={peer.requests_per_second};cps={peer.calls_per_second}"


def _destinations(deployment: Deployment) -> str:
    sets: list[tuple[int, tuple[Peer, ...]]] = [
        (PARTNER_GROUP, deployment.partners),
        (PLATFORM_GROUP, (deployment.platform,)),
        *((carrier_group(carrier.id), (carrier,)) for carrier in deployment.carriers),
    ]
    lines = ["# set uri flags priority\n"]
    for number, peers in sets:
        uris = [destination(deployment, uri, peer) for peer in peers for uri in peer.destinations]
        # Serial by priority, highest first: the order of the deployment.
        lines += [f"{number} {uri} 0 {len(uris) - place}\n" for place, uri in enumerate(uris)]
    return "".join(lines)


def _numbers(deployment: Deployment) -> str:
    rows = "".join(f"{number.match}:{_policy(deployment, number)}\n" for number in deployment.numbers)
    # Nobody can dial it: the numbers of emergency services that are called by name (emergency.cfg).
    named = ";".join(f"{service}={match}" for service, match in services(deployment).items())
    return f"tprefix(string) tvalue(string)\n{rows}" + (f"++:{named}\n" if named else "")


def _policy(deployment: Deployment, number: Number) -> str:
    return ";".join(
        (
            f"tenant={number.tenant}",
            f"carrier={carrier_group(deployment.carrier_for(number).id)}",
            f"down={number.partner_down}",
            f"pay={int(number.takes_payments)}",
            f"sos={int(number.emergency)}",
        )
    )


def _networks(values: Iterable[object]) -> str:
    return ",".join(str(ip_network(str(value))) for value in values)
