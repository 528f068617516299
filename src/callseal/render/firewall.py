"""One edge's firewall: nftables rules from the same peers, addresses and ports as everything else.

Nothing passes but what is named, in or out. SIP over UDP and RTP are matched by both ends and are not tracked: a packet
says all that is to be known about it, and a flood fills no table. What is TCP, or a question that this edge asked, is
tracked. Each rule counts under a name of its own, and so does what is refused.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from callseal.deployment import Deployment, Edge, HostPort, Partner, Peer
from callseal.deployment.values import Address
from callseal.render.nft import Port, Rules, hosts, literal, of_family
from callseal.render.own_public import COUNTER, own_public

TABLE = "callseal"

LISTENERS = {"udp": ("udp", "sip"), "tcp": ("tcp", "sip"), "tls": ("tcp", "sip_tls")}
"""A peer's transport -> the protocol, and the key of `[[edges]]` that says where the edge listens for it."""


def ng_http(edge: Edge) -> HostPort:
    """Where rtpengine answers queries over HTTP (`--listen-http`): the ng address, one port up."""
    return HostPort(edge.ng.address, edge.ng.port + 1)


def firewall(deployment: Deployment, edge: Edge) -> str:
    """An nftables file for that edge: text for `nft -f`."""
    rules = _EdgeRules(deployment, edge)
    rules.collect()
    chains = own_public(edge)
    return rules.text(TABLE, "Not tracked: RTP, and SIP over UDP.", "An edge is no router.", chains)


class _EdgeRules(Rules):
    def __init__(self, deployment: Deployment, edge: Edge) -> None:
        super().__init__()
        self._deployment = deployment
        # Packets on the card have its own addresses; what others send from and to is what they are shown.
        self._edge = edge.bound
        self._turns_round = edge.bind_media is not None
        self._others = [other for other in deployment.edges if other.id != edge.id]

    def collect(self) -> None:
        self._basics("Kamailio, rtpengine and the edge agent among themselves.", ipv6=self._ipv6())
        if self._turns_round:
            self._out += ["# Its way round is chosen already, its device is not yet (own_public_out)."]
            card = self._edge.media
            self._out += [f"ip saddr {card} ip daddr {card} counter name {self._counter(COUNTER)} accept"]
        for peer in self._deployment.peers:
            self._peer(peer)
        for other in self._others:
            self._other_edge(other)
        self._desk()
        self._services()

    def _peer(self, peer: Peer) -> None:
        protocol, key = LISTENERS[peer.transport]
        self._title(f"{_face(self._deployment, peer)} {peer.id}")
        for listener in (getattr(self._edge, key), getattr(self._edge, f"{key}6")):
            if listener is None or not of_family(peer.signalling, listener.address.version):
                continue
            here = Port(protocol, listener.address, str(listener.port))
            if protocol == "udp":
                self._untrack(here)
                self._both(f"sip.{peer.id}", here, peer.signalling)
            else:
                self._let_in(f"sip_in.{peer.id}", here, peer.signalling)
                # Their listeners are their affair (SRV, Contact): any port of these addresses.
                far = of_family(peer.signalling, listener.address.version)
                self._let_out(f"sip_out.{peer.id}", protocol, "1-65535", far)
        for media in self._media():
            self._untrack(media)
            self._both(f"rtp.{peer.id}", media, peer.media)

    def _other_edge(self, other: Edge) -> None:
        """Any edge serves any dialog: it asks the rtpengine that has the call, and media may cross between two."""
        sip6 = None if other.sip6 is None else other.sip6.address
        media = hosts(other.media, other.media6)
        addresses = (
            *hosts(other.sip.address, sip6, other.ng.address, literal(other.agent)),
            *hosts(other.bound.sip.address, other.bound.media),
            *media,
        )
        self._title(f"edge {other.id}: its Kamailio and agent use our rtpengine, ours use its")
        for here in self._media():
            self._both(f"rtp.{other.id}", here, media)
        ng, queries = self._edge.ng, ng_http(self._edge)
        self._let_in(f"ng_in.{other.id}", Port("udp", ng.address, str(ng.port)), addresses)
        self._let_in(f"ng_in.{other.id}", Port("tcp", queries.address, str(queries.port)), addresses)
        self._let_out(f"ng_out.{other.id}", "udp", str(other.ng.port), hosts(other.ng.address))
        self._let_out(f"ng_out.{other.id}", "tcp", str(ng_http(other).port), hosts(other.ng.address))

    def _desk(self) -> None:
        url = urlsplit(self._deployment.desk.url)
        desk = self._deployment.firewall.desk or hosts(literal(self._deployment.desk.url))
        self._title(f"desk at {self._deployment.desk.url}: hand-offs and events go to it, holds come from it")
        if not desk:
            for rules in (self._in, self._out):
                rules.append(
                    "# No rule: it has a name, and [firewall] does not say its addresses (key desk)."
                )
            return
        agent = self._agent()
        if agent is not None:
            self._let_in("desk_in", agent, desk)
        self._let_out("desk_out", "tcp", str(url.port or (443 if url.scheme == "https" else 80)), desk)

    def _services(self) -> None:
        hep = self._deployment.router.hep
        self._machine(self._deployment, self._own(), more=hep is not None)
        if hep is not None:
            self._let_out("hep", "udp", str(hep.port), hosts(hep.address))
        agent = self._agent()
        if agent is not None:
            self._let_in("monitoring", agent, self._deployment.firewall.monitoring)

    # Our own ports.

    def _media(self) -> list[Port]:
        ports = self._edge.media_ports
        ours = (one for one in (self._edge.media, self._edge.media6) if one is not None)
        return [Port("udp", address, f"{ports.first}-{ports.last}") for address in ours]

    def _agent(self) -> Port | None:
        address = literal(self._edge.agent)
        return None if address is None else Port("tcp", address, str(urlsplit(self._edge.agent).port or 80))

    def _ipv6(self) -> bool:
        return 6 in {address.version for address in self._own()}

    def _own(self) -> set[Address]:
        listeners = (self._edge.sip, self._edge.sip6, self._edge.sip_tls6, self._edge.ng)
        media = (self._edge.media, self._edge.media6)
        return {one.address for one in listeners if one is not None} | {
            one for one in media if one is not None
        }


def _face(deployment: Deployment, peer: Peer) -> str:
    if isinstance(peer, Partner):
        return "partner"
    return "platform" if peer is deployment.platform else "carrier"
