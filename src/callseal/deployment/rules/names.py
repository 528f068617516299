"""Rules about names: what must be unique, and what must be there because another names it."""

from __future__ import annotations

from collections.abc import Iterator

from callseal.deployment.groups import carrier_group
from callseal.deployment.rules.raw import Finding, Raw, Rule, peers, repeated


def unique_names(raw: Raw) -> Iterator[Finding]:
    ids = [peer for _, peer in peers(raw)] + list(raw.each("edges"))
    yield from repeated("CS022", "id", (((*thing.path, "id"), thing.text("id")) for thing in ids))
    numbers = raw.each("numbers")
    yield from repeated("CS023", "number", (((*one.path, "match"), one.text("match")) for one in numbers))
    edges = raw.each("edges")
    yield from repeated(
        "CS024", "server_id", (((*edge.path, "server_id"), edge.number("server_id")) for edge in edges)
    )
    taken: dict[int, str] = {}
    for carrier in raw.each("carriers"):
        name = carrier.text("id") or ""
        other = taken.setdefault(carrier_group(name), name)
        if other != name:
            yield Finding("CS102", (*carrier.path, "id"), f"“{name}” has the number of “{other}”")
    agents = raw.inner("desk").each("agents")
    yield from repeated("CS026", "login", (((*agent.path, "login"), agent.text("login")) for agent in agents))


def unique_headers(raw: Raw) -> Iterator[Finding]:
    headers, partner = raw.inner("headers"), raw.inner("partner")
    names = (
        ((*headers.path, "call_reference"), headers.text("call_reference", "X-Call-Reference")),
        ((*headers.path, "route_cookie"), headers.text("route_cookie", "X-Route-Cookie")),
        ((*partner.path, "token_header"), partner.text("token_header", "X-Payment-Token")),
    )
    yield from repeated("CS021", "header", ((path, name.lower() if name else None) for path, name in names))


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


def emergency(raw: Raw) -> Iterator[Finding]:
    listed = tuple(raw.each("numbers"))
    if listed and not any(number.table.get("emergency") is True for number in listed):
        yield Finding("CS105", listed[0].path, "no number is an emergency number")


def service_urns(raw: Raw) -> Iterator[Finding]:
    numbers = tuple(raw.each("numbers"))
    named = [(path, urn.lower()) for number in numbers for path, urn in number.texts("service_urns")]
    yield from repeated("CS108", "service", iter(named))
    for number in numbers:
        if number.table.get("emergency") is not True and number.table.get("service_urns"):
            yield Finding(
                "CS107",
                (*number.path, "service_urns"),
                f"number “{number.text('match')}” is no emergency number",
            )
    sos = [number for number in numbers if number.table.get("emergency") is True]
    carriers = {number.text("carrier") for number in sos} - {None}
    if len(carriers) > 1 and not any(urn == "urn:service:sos" for _, urn in named):
        yield Finding("CS109", sos[0].path, f"emergency calls leave by {len(carriers)} carriers")


def tenants(raw: Raw) -> Iterator[Finding]:
    known = {number.text("tenant") for number in raw.each("numbers")}
    for agent in raw.inner("desk").each("agents"):
        tenant = agent.text("tenant")
        if tenant is not None and tenant not in known:
            yield Finding("CS029", (*agent.path, "tenant"), f"no number belongs to tenant “{tenant}”")


NAME_RULES: tuple[Rule, ...] = (
    unique_names,
    unique_headers,
    signing_keys,
    numbers,
    emergency,
    service_urns,
    tenants,
)
