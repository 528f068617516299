"""The edges: what all do alike, where each listens, how they are found and what they show. Field descriptions are the reference's text."""

from __future__ import annotations

from typing import Literal, Self, get_args

from pydantic import Field

from callseal.deployment.fields import AddressField, DnsName, FileField, HttpUrl, Milliseconds, Name
from callseal.deployment.policies import FencePolicy
from callseal.deployment.table import Table
from callseal.deployment.values import Address, HostPort, PortRange

Cipher = Literal[
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
]
"""Forward secrecy and authenticated encryption, nothing else (RFC 9325 section 4.2); the default takes all."""
CIPHERS: tuple[Cipher, ...] = get_args(Cipher)


class Router(Table):
    """What all edges do alike."""

    fence: FencePolicy | None = Field(
        None,
        description="what the edge stops on its way to the agent while secured: `events` telephone-events, `tones` the sound of keys "
        "too (30 ms, G.711, needs the tone filter), `mute` all audio; `unsafe-off` is for leak tests. Left out: `events` when "
        "`mask_checked`, else `tones`",
    )
    topology: Literal["hidden", "shown"] = Field(
        "hidden",
        description="`hidden`: no side is shown the other's addresses in Via and Contact, nor what software it is; `shown` passes them on",
    )
    hold_ttl_ms: Milliseconds = Field(10_000, description="a hold ends by itself after this time")
    hep: HostPort | None = Field(
        None, description="HEP collector that gets SIP without digits and keys (UDP); none: no tracing"
    )


class Region(Table):
    """A region: edges that stand for each other under one name."""

    id: Name = Field(description="name of the region, as the edges say it")
    cluster: DnsName | None = Field(
        None,
        description="name of all its edges together: in Record-Route, so that any of them takes the next request, and in "
        "the zone; without it a dialog stays with its edge",
    )


class Dns(Table):
    """How peers find the edges, and how the edges find peers (RFC 3263)."""

    zone: DnsName | None = Field(
        None, description="zone of cluster names and hosts; `callseal render` writes it as a zone file"
    )
    name_servers: tuple[DnsName, ...] = Field(
        (), description="the zone's name servers; required with `zone`, which is served by them"
    )
    resolvers: tuple[AddressField, ...] = Field(
        (),
        description="recursive resolvers of the edges, best on the same host; without them the host's own are asked",
    )


class Tls(Table):
    """SIP over TLS: the edge's certificate and what it asks of the other side's."""

    certificate: FileField = Field(
        description="PEM file: the edge's certificate, then the intermediates; for both sides of a connection"
    )
    private_key: FileField = Field(description="PEM file of its key, mode 0600")
    ca: FileField = Field(description="PEM file of the authorities that peers' certificates must come from")
    crl: tuple[FileField, ...] = Field(
        (),
        description="PEM files of revocation lists, one list of every authority in `ca`; a certificate on "
        "one proves nothing",
    )
    min_version: Literal["1.2", "1.3"] = Field("1.2", description="oldest TLS version accepted")
    ciphers: tuple[Cipher, ...] = Field(
        CIPHERS, min_length=1, description="TLS 1.2 suites in order of preference; TLS 1.3 has its own"
    )


class Edge(Table):
    """One router: a Kamailio, an rtpengine and their agent."""

    id: Name = Field(description="name in logs, metrics, cookies (`rn`) and on the command line (`--edge`)")
    region: Name = Field(description="region, carried in the route cookie")
    server_id: int = Field(strict=True, ge=1, le=65535, description="Kamailio's `server_id`")
    sip: HostPort = Field(description="address and port of its Kamailio, as peers see it")
    sip6: HostPort | None = Field(
        None, description="the same in IPv6, where `sip` is IPv4 and a peer speaks SIP over IPv6"
    )
    sip_tls: HostPort | None = Field(
        None, description="address and port for SIP over TLS; required as soon as one peer speaks TLS"
    )
    sip_tls6: HostPort | None = Field(None, description="the same in IPv6, for peers over TLS and IPv6")
    host: DnsName | None = Field(
        None, description="this edge's own DNS name: in Via over TLS, in its certificate and in the zone"
    )
    media: AddressField = Field(description="rtpengine's media address, as peers see it")
    media6: AddressField | None = Field(
        None, description="its IPv6 address, where `media` is IPv4 and media of a peer is IPv6"
    )
    bind_sip: AddressField | None = Field(
        None,
        description="behind one-to-one NAT: the address of this machine's own card behind that of `sip` and `sip_tls`, which stay what "
        "peers see; left out: `sip` is on the card itself",
    )
    bind_media: AddressField | None = Field(
        None,
        description="the same for `media`: what rtpengine is bound to, while it writes `media` into every SDP",
    )
    media_ports: PortRange = Field(description="rtpengine's media ports, first-last")
    ng: HostPort = Field(description="rtpengine's control port (ng); never on a public address")
    agent: HttpUrl = Field(description="URL of the edge agent; never on a public address")
    events: HostPort = Field(description="where Kamailio sends the agent its datagrams")

    @property
    def bound(self) -> Self:
        """This edge as its own machine has it: what is bound instead of what peers see. The same edge when there is no NAT."""
        card = self.bind_sip
        return self.model_copy(
            update={
                "sip": _moved(self.sip, card),
                "sip_tls": self.sip_tls and _moved(self.sip_tls, card),
                "media": self.bind_media or self.media,
                "bind_sip": None,
                "bind_media": None,
            }
        )


def _moved(listener: HostPort, card: Address | None) -> HostPort:
    """One-to-one NAT changes addresses and keeps ports."""
    return HostPort(card or listener.address, listener.port)
