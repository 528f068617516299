"""The deployment as a whole: what `callseal.toml` says, frozen. Field descriptions are the reference's text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, TypeVar

from pydantic import BaseModel, Field

from callseal.deployment.desk import Desk
from callseal.deployment.edges import Dns, Edge, Region, Router, Tls
from callseal.deployment.fields import DialledNumber, Flag, HeaderName, Name, ServiceUrn
from callseal.deployment.firewall import Firewall
from callseal.deployment.lines import Path
from callseal.deployment.peers import Carrier, Partner, Peer, Platform
from callseal.deployment.policies import FencePolicy
from callseal.deployment.secrets import Secret
from callseal.deployment.table import Table
from callseal.deployment.values import Address


class SigningKey(Table):
    """A key with the name by which cookies refer to it."""

    id: Name = Field(description="key id, written into every cookie and Record-Route")
    secret: Secret = Field(description="the key itself, 16 characters or more")


class Signing(Table):
    """Signs the route cookie and the Record-Route parameters. `current` signs, both are accepted."""

    current: SigningKey = Field(description="the key that signs")
    previous: SigningKey | None = Field(
        None, description="the key before it, while calls signed with it live"
    )


class Headers(Table):
    """Names of the edge's own headers on the wire."""

    call_reference: HeaderName = Field(
        "X-Call-Reference", description="edge -> platform: the opaque call reference"
    )
    route_cookie: HeaderName = Field(
        "X-Route-Cookie", description="edge -> partner -> edge: the signed route cookie"
    )


class Number(Table):
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
    service_urns: tuple[ServiceUrn, ...] = Field(
        (),
        description="emergency services that are called by this number (`urn:service:sos.police`); what no entry names is the service above it, and `urn:service:sos` the first emergency number when all have one carrier",
    )

    @property
    def takes_payments(self) -> bool:
        return self.payments and not self.emergency


_Identified = TypeVar("_Identified", Edge, Carrier)


class Deployment(Table):
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
