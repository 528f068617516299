"""Rules about the deployment as a whole: what no single value shows.

They read the file as written (`Raw`) and not the models, so that a fault of shape in one place does not hide a fault
of sense in another: whoever mends a file sees all of it at once. A value they cannot read is somebody else's fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pydantic_core import PydanticCustomError

from callseal.deployment.groups import carrier_group
from callseal.deployment.lines import Path
from callseal.deployment.policies import DEFAULT_SUITES, Face
from callseal.deployment.values import Address, HostPort, Network, PortRange, SipUri, parse_network

WIDEST_ONE_ANCHOR = 256
"""Addresses a platform's media list may hold with one anchor: an SDP that points at any of them is relayed as it is."""

PRIVATE_NAMES = (".internal", ".local", ".localhost", ".test", ".home.arpa")
"""Names that public DNS never answers (RFC 6761, RFC 6762, RFC 8375, ICANN's .internal)."""


class Finding(NamedTuple):
    """A validator's id, the place in the file, and what is the matter there."""

    id: str
    path: Path
    message: str


@dataclass(frozen=True, slots=True)
class Raw:
    """A table of the file with its path; reading never fails, it gives None or nothing."""

    table: dict[str, Any]
    path: Path = ()

    def text(self, key: str, default: str | None = None) -> str | None:
        value = self.table.get(key, default)
        return value if isinstance(value, str) else None

    def number(self, key: str, default: int | None = None) -> int | None:
        value = self.table.get(key, default)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def inner(self, key: str) -> Raw:
        value = self.table.get(key)
        return Raw(value if isinstance(value, dict) else {}, (*self.path, key))

    def each(self, key: str) -> Iterator[Raw]:
        values = self.table.get(key)
        for index, value in enumerate(values if isinstance(values, list) else []):
            if isinstance(value, dict):
                yield Raw(value, (*self.path, key, index))

    def texts(self, key: str) -> Iterator[tuple[Path, str]]:
        values = self.table.get(key)
        for index, value in enumerate(values if isinstance(values, list) else []):
            if isinstance(value, str):
                yield (*self.path, key, index), value

    def read(self, key: str, reader: Callable[[str], Any]) -> Any:
        """The value of `key` as `reader` makes it, or None when it refuses."""
        text = self.text(key)
        return None if text is None else _try(reader, text)

    def networks(self, key: str) -> Iterator[tuple[Path, Network]]:
        for path, text in self.texts(key):
            network = _try(parse_network, text)
            if network is not None:
                yield path, network


Rule = Callable[[Raw], Iterator[Finding]]


def _try(reader: Callable[[str], Any], text: str) -> Any:
    try:
        return reader(text)
    except (PydanticCustomError, ValueError):
        return None


_SAID_ONCE = ("transport", "media_profile", "srtp_suites")
"""What a partner that stands by does not say for itself (`Standby`)."""


def peers(raw: Raw) -> Iterator[tuple[Face, Raw]]:
    """(face, peer): carriers share one face, so two of them may use one session border controller; partners share one, too."""
    for carrier in raw.each("carriers"):
        yield "carrier", carrier
    for partner in partners(raw):
        yield "partner", partner
    yield "platform", raw.inner("platform")


def partners(raw: Raw) -> Iterator[Raw]:
    """The partner, then those that stand by, which speak as it does."""
    first = raw.inner("partner")
    yield first
    shared = {key: first.table[key] for key in _SAID_ONCE if key in first.table}
    for standby in first.each("standby"):
        yield Raw(shared | standby.table, standby.path)


def sip_uri(text: str) -> SipUri | None:
    """A destination, or None when it is malformed (which has been said elsewhere)."""
    uri: SipUri | None = _try(SipUri.parse, text)
    return uri


def _repeated(id_: str, what: str, entries: Iterator[tuple[Path, object]]) -> Iterator[Finding]:
    """Each value that was there before, with its place; None never counts."""
    seen: dict[object, Path] = {}
    for path, value in entries:
        if value is not None and value in seen:
            yield Finding(id_, path, f"{what} “{value}” is already used by {dotted(seen[value])}")
        elif value is not None:
            seen[value] = path


def dotted(path: Path) -> str:
    """`carriers[0].signalling[1]`, as people write it."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "the file"


def unique_names(raw: Raw) -> Iterator[Finding]:
    ids = [peer for _, peer in peers(raw)] + list(raw.each("edges"))
    yield from _repeated("CS022", "id", (((*thing.path, "id"), thing.text("id")) for thing in ids))
    numbers = raw.each("numbers")
    yield from _repeated("CS023", "number", (((*one.path, "match"), one.text("match")) for one in numbers))
    edges = raw.each("edges")
    yield from _repeated(
        "CS024", "server_id", (((*edge.path, "server_id"), edge.number("server_id")) for edge in edges)
    )
    taken: dict[int, str] = {}
    for carrier in raw.each("carriers"):
        name = carrier.text("id") or ""
        other = taken.setdefault(carrier_group(name), name)
        if other != name:
            yield Finding("CS102", (*carrier.path, "id"), f"“{name}” has the number of “{other}”")
    agents = raw.inner("desk").each("agents")
    yield from _repeated(
        "CS026", "login", (((*agent.path, "login"), agent.text("login")) for agent in agents)
    )


def unique_headers(raw: Raw) -> Iterator[Finding]:
    headers, partner = raw.inner("headers"), raw.inner("partner")
    names = (
        ((*headers.path, "call_reference"), headers.text("call_reference", "X-Call-Reference")),
        ((*headers.path, "route_cookie"), headers.text("route_cookie", "X-Route-Cookie")),
        ((*partner.path, "token_header"), partner.text("token_header", "X-Payment-Token")),
    )
    yield from _repeated("CS021", "header", ((path, name.lower() if name else None) for path, name in names))


def signing_keys(raw: Raw) -> Iterator[Finding]:
    current, previous = raw.inner("signing").inner("current"), raw.inner("signing").inner("previous")
    for key in ("id", "secret"):
        if previous.text(key) is not None and previous.text(key) == current.text(key):
            yield Finding("CS045", (*previous.path, key), f"{key} is the same as the current key's")


def numbers(raw: Raw) -> Iterator[Finding]:
    carriers = {carrier.text("id") for carrier in raw.each("carriers")}
    for number in raw.each("numbers"):
        carrier = number.text("carrier")
        if carrier is None and "carrier" not in number.table and len(carriers) > 1:
            yield Finding(
                "CS028",
                number.path,
                f"number “{number.text('match')}” names no carrier and there are {len(carriers)}",
            )
        elif carrier is not None and carrier not in carriers:
            yield Finding("CS027", (*number.path, "carrier"), f"there is no carrier “{carrier}”")
        if number.table.get("emergency") is True:
            for key, contradiction in (("payments", True), ("partner_down", "reject")):
                if number.table.get(key) == contradiction:
                    yield Finding(
                        "CS039", (*number.path, key), f"emergency number “{number.text('match')}” says {key}"
                    )


def tenants(raw: Raw) -> Iterator[Finding]:
    known = {number.text("tenant") for number in raw.each("numbers")}
    for agent in raw.inner("desk").each("agents"):
        tenant = agent.text("tenant")
        if tenant is not None and tenant not in known:
            yield Finding("CS029", (*agent.path, "tenant"), f"no number belongs to tenant “{tenant}”")


def faces_apart(raw: Raw) -> Iterator[Finding]:
    """An address tells who speaks: it may belong to one face only, and never be our own."""
    for key in ("signalling", "media"):
        seen: list[tuple[str, Path, Network]] = []
        for face, peer in peers(raw):
            for path, network in peer.networks(key):
                for other_face, other_path, other in seen:
                    if face != other_face and network.version == other.version and network.overlaps(other):
                        yield Finding("CS030", path, f"{network} overlaps {other} of {dotted(other_path)}")
                seen.append((face, path, network))
    own = [(edge, key, address) for edge in raw.each("edges") for key, address in _own_addresses(edge)]
    for _, peer in peers(raw):
        for list_key in ("signalling", "media"):
            for path, network in peer.networks(list_key):
                for edge, key, address in own:
                    if address in network:
                        yield Finding(
                            "CS031", path, f"{network} holds {dotted((*edge.path, key))}, {address}"
                        )


def _own_addresses(edge: Raw) -> Iterator[tuple[str, Address]]:
    """Each address once, with the first key that has it."""
    found: dict[Address, str] = {}
    for key in ("sip", "sip_tls", "sip6", "sip_tls6"):
        listener = edge.read(key, HostPort.parse)
        if listener is not None:
            found.setdefault(listener.address, key)
    for key in ("media", "media6"):
        address = edge.read(key, ip_address)
        if address is not None:
            found.setdefault(address, key)
    yield from ((key, address) for address, key in found.items())


def partners_apart(raw: Raw) -> Iterator[Finding]:
    """An address tells which partner speaks, and all of them are spoken to alike."""
    seen: list[tuple[Path, Network]] = []
    for number, partner in enumerate(partners(raw)):
        listed = list(partner.networks("signalling"))
        for path, network in listed:
            for other_path, other in seen:
                if network.version == other.version and network.overlaps(other):
                    yield Finding("CS104", path, f"{network} overlaps {other} of {dotted(other_path)}")
        seen += listed
        for key in ("signalling", "media"):
            versions = {network.version for _, network in partner.networks(key)}
            own = {network.version for _, network in raw.inner("partner").networks(key)}
            if number and versions and own and versions != own:
                yield Finding(
                    "CS104", (*partner.path, key), f"{key} is not of the partner's address families"
                )


def destinations(raw: Raw) -> Iterator[Finding]:
    for _, peer in peers(raw):
        listed = [network for _, network in peer.networks("signalling")]
        for path, text in peer.texts("destinations"):
            uri = sip_uri(text)
            if uri is None:
                continue
            # Names are resolved at run time, and an address list with faults of its own says nothing.
            if listed and uri.address is not None and not any(uri.address in network for network in listed):
                yield Finding("CS032", path, f"{uri.address} is not in {dotted((*peer.path, 'signalling'))}")


def listeners(raw: Raw) -> Iterator[Finding]:
    """Every listener of every edge, then their media ports."""
    places = [
        ((*edge.path, key), edge.read(key, HostPort.parse))
        for edge in raw.each("edges")
        for key in ("sip", "sip_tls", "sip6", "sip_tls6", "ng", "events")
    ]
    agents = [((*edge.path, "agent"), edge.text("agent")) for edge in raw.each("edges")]
    yield from _repeated("CS025", "address", iter(places))
    yield from _repeated("CS025", "URL", iter(agents))
    media: list[tuple[Path, Address, PortRange]] = []
    bound = [(edge, edge.read(key, ip_address)) for edge in raw.each("edges") for key in ("media", "media6")]
    for edge, address in bound:
        ports = edge.read("media_ports", PortRange.parse)
        if address is None or ports is None:
            continue
        path = (*edge.path, "media_ports")
        for other_path, other_address, other in media:
            if address == other_address and ports.first <= other.last and other.first <= ports.last:
                yield Finding("CS025", path, f"{address} {ports} overlaps {dotted(other_path)}, {other}")
        media.append((path, address, ports))
        for place, listener in places:
            if listener is not None and listener.address == address and listener.port in ports:
                yield Finding(
                    "CS033", path, f"{ports} on {address} holds {dotted(place)}, port {listener.port}"
                )


def control_is_private(raw: Raw) -> Iterator[Finding]:
    for edge in raw.each("edges"):
        for key in ("ng", "events"):
            listener = edge.read(key, HostPort.parse)
            if listener is not None and (listener.address.is_global or listener.address.is_unspecified):
                yield Finding("CS034", (*edge.path, key), f"{listener} can be reached by anyone")
        address = _host_address(edge.text("agent"))
        if address is not None and (address.is_global or address.is_unspecified):
            yield Finding("CS034", (*edge.path, "agent"), f"{address} can be reached by anyone")
    for table, key in (
        *((partner, "api") for partner in partners(raw)),
        (raw.inner("platform"), "api"),
        (raw.inner("desk"), "url"),
    ):
        url = table.text(key)
        if url is None or not url.startswith("http://"):
            continue
        address, host = _host_address(url), _host(url)
        private = (
            host.endswith(PRIVATE_NAMES) or "." not in host if address is None else not address.is_global
        )
        if not private:
            yield Finding(
                "CS047", (*table.path, key), f"{key} is plain http:// to {host}, which need not be private"
            )


def _host_address(url: str | None) -> Address | None:
    try:
        return ip_address(_host(url))
    except ValueError:
        return None


def _host(url: str | None) -> str:
    try:
        return urlsplit(url or "").hostname or ""
    except ValueError:
        return ""


def one_anchor(raw: Raw) -> Iterator[Finding]:
    platform = raw.inner("platform")
    if platform.text("anchors") != "one":
        return
    partner = raw.inner("partner")
    profiles = {face.text("media_profile", "rtp") for face in (partner, platform)}
    if len(profiles) > 1:
        yield Finding(
            "CS035", (*platform.path, "anchors"), "of partner and platform one speaks SRTP, the other RTP"
        )
    elif "srtp" in profiles and len(list(partner.texts("srtp_suites"))) == 1:
        yield Finding(
            "CS035", (*partner.path, "srtp_suites"), "no suite of its own for media at home: it has only one"
        )
    for path, network in platform.networks("media"):
        if network.num_addresses > WIDEST_ONE_ANCHOR:
            yield Finding("CS035", path, f"{network} holds more than {WIDEST_ONE_ANCHOR} media addresses")


def crypto_suites(raw: Raw) -> Iterator[Finding]:
    """rtpengine copies a key to the other face where both have its suite: faces must have none in common."""
    taken: dict[str, tuple[Face, Path]] = {}
    for face, peer in peers(raw):
        if peer.text("media_profile", "rtp") != "srtp":
            continue
        listed = list(peer.texts("srtp_suites")) or [
            ((*peer.path, "media_profile"), suite) for suite in DEFAULT_SUITES[face]
        ]
        for path, suite in listed:
            other, where = taken.setdefault(suite, (face, path))
            if other != face:
                yield Finding("CS090", path, f"{suite} is already the {other}'s, {dotted(where)}")


def media_in_clear(raw: Raw) -> Iterator[Finding]:
    for face, peer in peers(raw):
        if face == "carrier" or peer.text("media_profile", "rtp") != "rtp":
            continue
        for path, network in peer.networks("media"):
            if network.is_global:
                yield Finding("CS091", path, f"RTP of the {face} crosses {network} in clear")


def deadlines(raw: Raw) -> Iterator[Finding]:
    desk, router = raw.inner("desk"), raw.inner("router")
    ttl = router.number("hold_ttl_ms", 10_000)
    keys = ("secure_timeout_ms", "restore_timeout_ms")
    timeout, key = max((desk.number(key, 3_000) or 0, key) for key in keys)
    if ttl is not None and ttl < timeout + 1_000:
        place = (*router.path, "hold_ttl_ms") if "hold_ttl_ms" in router.table else (*desk.path, key)
        yield Finding("CS037", place, f"hold_ttl_ms is {ttl}, {key} {timeout}")
    one, overall = desk.number("capture_field_ms", 120_000), desk.number("capture_overall_ms", 300_000)
    if one is not None and overall is not None and overall < one:
        key = "capture_overall_ms" if "capture_overall_ms" in desk.table else "capture_field_ms"
        yield Finding("CS038", (*desk.path, key), f"{overall} ms for all fields, {one} ms for one")


def fence(raw: Raw) -> Iterator[Finding]:
    router = raw.inner("router")
    if router.text("fence") == "unsafe-off":
        yield Finding("CS036", (*router.path, "fence"), "THE FENCE IS OFF: digits may reach the agent")


RULES: tuple[Rule, ...] = (
    unique_names,
    unique_headers,
    signing_keys,
    numbers,
    tenants,
    faces_apart,
    partners_apart,
    destinations,
    listeners,
    control_is_private,
    one_anchor,
    crypto_suites,
    media_in_clear,
    deadlines,
    fence,
)
