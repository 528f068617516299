"""The deployment as types: what `callseal.toml` says, frozen. Field descriptions are the reference's text."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, TypeVar, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)

from callseal.deployment.firewall import Firewall
from callseal.deployment.lines import Path
from callseal.deployment.policies import (
    CALLER_HEADERS,
    DEFAULT_SUITES,
    CallerHeader,
    CryptoSuite,
    FencePolicy,
    MediaProfile,
)
from callseal.deployment.secrets import Secret
from callseal.deployment.standby import Standby
from callseal.deployment.values import (
    Address,
    AddressField,
    Currency,
    DialledNumber,
    DnsName,
    Flag,
    HeaderName,
    HostPort,
    HttpUrl,
    Milliseconds,
    Name,
    NetworkField,
    PortRange,
    SipUri,
    Text,
    parse_text,
)

Transport = Literal["udp", "tcp", "tls"]
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


def _beside_the_file(value: object, info: ValidationInfo) -> pathlib.Path:
    if isinstance(value, pathlib.Path):
        return value
    base: pathlib.Path = (info.context or {}).get("base", pathlib.Path())
    return base / parse_text(value)


FileField = Annotated[pathlib.Path, PlainValidator(_beside_the_file), WithJsonSchema({"type": "string"})]


PerSecond = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
_SUITES_HELP = "crypto suites it may use with `srtp`, in order; no suite may belong to two faces"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class SigningKey(_Table):
    """A key with the name by which cookies refer to it."""

    id: Name = Field(description="key id, written into every cookie and Record-Route")
    secret: Secret = Field(description="the key itself, 16 characters or more")


class Signing(_Table):
    """Signs the route cookie and the Record-Route parameters. `current` signs, both are accepted."""

    current: SigningKey = Field(description="the key that signs")
    previous: SigningKey | None = Field(
        None, description="the key before it, while calls signed with it live"
    )


class Headers(_Table):
    """Names of the edge's own headers on the wire."""

    call_reference: HeaderName = Field(
        "X-Call-Reference", description="edge -> platform: the opaque call reference"
    )
    route_cookie: HeaderName = Field(
        "X-Route-Cookie", description="edge -> partner -> edge: the signed route cookie"
    )


class Peer(_Table):
    """What carriers, partner and platform have in common: who they are, where they are, how they speak."""

    id: Name = Field(description="name in logs, metrics and rendered files")
    signalling: tuple[NetworkField, ...] = Field(
        min_length=1, description="addresses or networks that may send SIP; anything else is met with silence"
    )
    media: tuple[NetworkField, ...] = Field(
        min_length=1, description="addresses or networks where its RTP may be"
    )
    destinations: tuple[SipUri, ...] = Field(
        min_length=1, description="where requests to it are sent, in order"
    )
    transport: Transport = Field(
        "udp", description="SIP transport, both ways; a request that comes over another is a stranger's"
    )
    tls_name: tuple[DnsName, ...] = Field(
        (),
        description="with `tls`: names of which its certificate must bear one; required of the partner, "
        "without it a carrier's or platform's connection is encrypted and no more",
    )
    media_profile: MediaProfile = Field(
        "rtp", description="`srtp`: SDES keys offered and required, anything else is refused; `rtp`: in clear"
    )
    srtp_suites: tuple[CryptoSuite, ...] = Field(
        min_length=1, description="crypto suites it may use with `srtp`, in order"
    )
    requests_per_second: PerSecond = Field(
        5000, description="SIP requests a second and edge; what begins something new is answered 503 above it"
    )
    calls_per_second: PerSecond = Field(
        500, description="new calls a second and edge; emergency calls are never turned away"
    )


class Carrier(Peer):
    """A SIP trunk of the phone network; the customer is behind it."""

    srtp_suites: tuple[CryptoSuite, ...] = Field(
        DEFAULT_SUITES["carrier"], min_length=1, description=_SUITES_HELP
    )
    headers: tuple[CallerHeader, ...] = Field(
        CALLER_HEADERS,
        description="what it may say about the caller; of this set, headers that are not listed are removed",
    )
    payments: Flag = Field(True, description="false: no payment is offered on calls from or to this carrier")


class Partner(Peer):
    """The PCI-certified payment partner: a SIP B2BUA and an API."""

    srtp_suites: tuple[CryptoSuite, ...] = Field(
        DEFAULT_SUITES["partner"],
        min_length=1,
        description=f"{_SUITES_HELP}. The first is for media at the partner, the last for the way home",
    )
    adapter: Literal["sandbox"] = Field(description="which partner adapter speaks to it")
    token_header: HeaderName = Field(
        "X-Payment-Token", description="header in which its INVITE brings the token"
    )
    cookie_place: Literal["header", "request-uri"] = Field(
        "header", description="where the route cookie travels; `request-uri` for partners that drop headers"
    )
    mask_checked: Flag = Field(
        False,
        description="true: what it sends the agent while secured has passed the conformance check, so the fence need not look at audio",
    )
    early_media: Flag = Field(
        True,
        description="false: it never has the agent's media before a call out is answered, nor from the start of one that begins without "
        'SDP. With `anchors = "one"` such legs then need no anchor of their own at home; if it does so all the same, its SDP is removed',
    )
    api: HttpUrl = Field(description="base URL of its API")
    api_key: Secret = Field(description="bearer key for its API")
    webhook_secret: Secret = Field(description="verifies its webhooks (Standard Webhooks)")
    standby: tuple[Standby, ...] = Field(
        (), description="further partners, tried in this order while those before them are down"
    )


class Platform(Peer):
    """The contact centre's voice side; the agent is on it."""

    srtp_suites: tuple[CryptoSuite, ...] = Field(
        DEFAULT_SUITES["platform"], min_length=1, description=_SUITES_HELP
    )
    adapter: Literal["webhook"] = Field(description="which platform adapter speaks to it")
    anchors: Literal["one", "two"] | None = Field(
        None,
        description="rtpengine sessions a normal call crosses; `one` relays the agent leg only while secured, shows the partner the platform's "
        "media addresses and takes the agent's audio from the address in the platform's SDP only. Left out: `one` where media is RTP, `media` "
        'lists exact addresses, and none of them is an inside address that `topology = "hidden"` hides; else `two`. `callseal check` says which',
    )
    dtmf_info: Flag = Field(
        False, description="true lets SIP INFO with digits from the partner reach the platform"
    )
    api: HttpUrl = Field(description="where its events are posted")
    webhook_secret: Secret = Field(description="signs these events (Standard Webhooks)")


class Number(_Table):
    """A number or prefix, whose it is, and what happens to its calls."""

    match: DialledNumber = Field(description="number or prefix as dialled; the longest match wins")
    tenant: Name = Field(description="whose calls these are; agents see their own tenant's only")
    carrier: Name | None = Field(
        None,
        description="carrier for calls the platform dials out; may be left out when there is one carrier",
    )
    partner_down: Literal["bypass", "reject"] = Field(
        "bypass", description="partner unreachable: `bypass` connects without payments, `reject` answers 503"
    )
    payments: Flag = Field(True, description="false: calls go past the partner")
    emergency: Flag = Field(False, description="true: never touches the partner, whatever else happens")

    @property
    def takes_payments(self) -> bool:
        return self.payments and not self.emergency


class Router(_Table):
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


class Region(_Table):
    """A region: edges that stand for each other under one name."""

    id: Name = Field(description="name of the region, as the edges say it")
    cluster: DnsName | None = Field(
        None,
        description="name of all its edges together: in Record-Route, so that any of them takes the next request, and in "
        "the zone; without it a dialog stays with its edge",
    )


class Dns(_Table):
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


class Tls(_Table):
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


class Edge(_Table):
    """One router: a Kamailio, an rtpengine and their agent."""

    id: Name = Field(description="name in logs, metrics, cookies (`rn`) and on the command line (`--edge`)")
    region: Name = Field(description="region, carried in the route cookie")
    server_id: int = Field(strict=True, ge=1, le=65535, description="Kamailio's `server_id`")
    sip: HostPort = Field(description="address and port Kamailio listens on")
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
    media: AddressField = Field(description="rtpengine's media address")
    media6: AddressField | None = Field(
        None, description="its IPv6 address, where `media` is IPv4 and media of a peer is IPv6"
    )
    media_ports: PortRange = Field(description="rtpengine's media ports, first-last")
    ng: HostPort = Field(description="rtpengine's control port (ng); never on a public address")
    agent: HttpUrl = Field(description="URL of the edge agent; never on a public address")
    events: HostPort = Field(description="where Kamailio sends the agent its datagrams")


class Agent(_Table):
    """A person at the desk."""

    login: Name = Field(description="login name")
    name: Text = Field(description="name as shown")
    tenant: Name = Field(description="whose calls they see")
    password: Secret = Field(description="their password")


class Desk(_Table):
    """The service behind the agent's card."""

    url: HttpUrl = Field(description="URL under which edges, partner and browsers reach it")
    edge_secret: Secret = Field(
        description="bearer secret between edges and desk, both ways; 16 characters or more"
    )
    operator_secret: Secret | None = Field(
        None,
        description="bearer secret of operators and canary: `callseal payments` and `callseal canary` need it; 16 characters or more",
    )
    store: FileField = Field(description="SQLite file of the desk, relative to the deployment file")
    secure_timeout_ms: Milliseconds = Field(
        3_000, description="not secured in this time: the call is restored"
    )
    restore_timeout_ms: Milliseconds = Field(
        3_000, description="not restored in this time: alarm, the hold stays"
    )
    secured_idle_ms: Milliseconds = Field(
        300_000, description="secured without a capture for this long: restored"
    )
    capture_field_ms: Milliseconds = Field(120_000, description="time for one field")
    capture_overall_ms: Milliseconds = Field(300_000, description="time for all fields")
    currencies: tuple[Currency, ...] = Field(
        min_length=1, description="currencies the card offers (ISO 4217)"
    )
    agents: tuple[Agent, ...] = Field((), description="who may log in")


_Identified = TypeVar("_Identified", Edge, Carrier)


class Deployment(_Table):
    """Everything Callseal must know about one installation; read with `callseal.deployment.read`."""

    schema_version: Literal[1] = Field(alias="schema", description="version of this format")
    name: Name = Field(description="name of the installation")
    signing: Signing
    headers: Headers = Field(default_factory=Headers)
    carriers: tuple[Carrier, ...] = Field(min_length=1)
    partner: Partner
    platform: Platform
    numbers: tuple[Number, ...] = Field(min_length=1)
    router: Router = Field(default_factory=Router)
    tls: Tls | None = Field(None, description="needed as soon as one peer speaks TLS")
    dns: Dns = Field(default_factory=Dns)
    regions: tuple[Region, ...] = ()
    edges: tuple[Edge, ...] = Field(min_length=1)
    desk: Desk
    firewall: Firewall = Field(default_factory=Firewall)

    @property
    def fence(self) -> FencePolicy:
        """The fence that applies; by default it depends on whether the partners' masks have been checked."""
        checked = all(partner.mask_checked for partner in self.partners)
        return self.router.fence or ("events" if checked else "tones")

    @property
    def peers(self) -> tuple[Peer, ...]:
        return (*self.carriers, *self.partners, self.platform)

    @property
    def partners(self) -> tuple[Partner, ...]:
        """The partner, then those that stand by, in order; each says all that it is."""
        others = (
            self.partner.model_copy(update={**dict(one), "standby": ()}) for one in self.partner.standby
        )
        return (self.partner, *others)

    @property
    def tenants(self) -> tuple[str, ...]:
        """Every tenant that has a number, in the order of the file."""
        return tuple(dict.fromkeys(number.tenant for number in self.numbers))

    @property
    def media_addresses(self) -> tuple[Address, ...]:
        """ "Home": the media addresses of all edges."""
        return tuple(
            dict.fromkeys(
                each for edge in self.edges for each in (edge.media, edge.media6) if each is not None
            )
        )

    @property
    def clusters(self) -> tuple[str, ...]:
        """Every cluster name, each once, in the order of the file."""
        return tuple(dict.fromkeys(region.cluster for region in self.regions if region.cluster is not None))

    def cluster_of(self, edge: Edge) -> str | None:
        """The name that `edge` writes into Record-Route; None: its own address."""
        return next((region.cluster for region in self.regions if region.id == edge.region), None)

    def edge(self, edge_id: str) -> Edge:
        """The edge of that id; `KeyError` names it when there is none."""
        return _by_id(self.edges, edge_id)

    def carrier(self, carrier_id: str) -> Carrier:
        """The carrier of that id; `KeyError` names it when there is none."""
        return _by_id(self.carriers, carrier_id)

    def carrier_for(self, number: Number) -> Carrier:
        """The carrier that takes calls dialled out for `number`."""
        return self.carrier(number.carrier) if number.carrier else self.carriers[0]

    def number_for(self, dialled: str) -> Number | None:
        """The entry with the longest prefix of `dialled`, or None: an unknown number is answered 404."""
        fitting = (number for number in self.numbers if dialled.startswith(number.match))
        return max(fitting, key=lambda number: len(number.match), default=None)

    def secrets(self) -> Iterator[tuple[Path, Secret]]:
        """Every secret with its path in the file."""
        yield from _secrets(self, ())


def _by_id(things: Iterable[_Identified], wanted: str) -> _Identified:
    for thing in things:
        if thing.id == wanted:
            return thing
    raise KeyError(wanted)


def _secrets(value: object, path: Path) -> Iterator[tuple[Path, Secret]]:
    if isinstance(value, Secret):
        yield path, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name), (*path, name))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _secrets(item, (*path, index))
