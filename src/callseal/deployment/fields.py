"""The types of a deployment's keys: what pydantic is to read, in which form, and what the JSON schema says of it."""

from __future__ import annotations

import pathlib
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)

from callseal.deployment.faults import refuse
from callseal.deployment.headers import STANDARD_HEADERS
from callseal.deployment.values import Address, Network, parse_address, parse_network, parse_text


def _http_url(value: object) -> str:
    text = parse_text(value)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise refuse("CS016", "not an http:// or https:// URL") from None
    if parts.username is not None or parts.password is not None:
        # Not repeated: it may hold a password.
        raise refuse("CS016", "a URL with a user or password in it")
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or port == 0
        or parts.fragment
        or " " in text
    ):
        raise refuse("CS016", f"“{text}” is not an http:// or https:// URL")
    return text.rstrip("/")


def _matches(pattern: str, validator_id: str, what: str) -> AfterValidator:
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise refuse(validator_id, f"“{text}” is not {what}")
        return text

    return AfterValidator(check)


def _header_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.!%*_+`'~-]+", text):
        raise refuse("CS018", f"“{text}” cannot be the name of a SIP header")
    if text.lower() in STANDARD_HEADERS:
        raise refuse("CS019", f"“{text}” is a standard SIP header")
    if "callseal" in text.lower():
        raise refuse("CS019", f"“{text}” tells strangers what runs here")
    return text


def _beside_the_file(value: object, info: ValidationInfo) -> pathlib.Path:
    if isinstance(value, pathlib.Path):
        return value
    base: pathlib.Path = (info.context or {}).get("base", pathlib.Path())
    return base / parse_text(value)


Text = Annotated[str, BeforeValidator(parse_text)]
Flag = Annotated[bool, Field(strict=True)]
PerSecond = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Milliseconds = Annotated[int, Field(strict=True, ge=100, le=3_600_000)]
Name = Annotated[
    Text,
    _matches(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "CS010", "a name"),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"}),
]
DnsName = Annotated[
    Text,
    _matches(
        r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+",
        "CS060",
        "a DNS name",
    ),
    AfterValidator(str.lower),
    WithJsonSchema({"type": "string", "examples": ["sip.example.net"]}),
]
DialledNumber = Annotated[
    Text,
    _matches(r"\+?[0-9]{1,15}", "CS020", "a number or prefix"),
    WithJsonSchema({"type": "string", "pattern": r"^\+?[0-9]{1,15}$"}),
]
ServiceUrn = Annotated[
    Text,
    AfterValidator(str.lower),
    _matches(
        r"urn:service:sos(\.[a-z0-9]([a-z0-9-]{0,25}[a-z0-9])?){0,8}", "CS106", "an emergency service URN"
    ),
    WithJsonSchema({"type": "string", "examples": ["urn:service:sos.police"]}),
]
Currency = Annotated[
    Text,
    _matches(r"[A-Z]{3}", "CS044", "a currency code"),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$"}),
]
HeaderName = Annotated[
    Text,
    AfterValidator(_header_name),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9.!%*_+`'~-]+$"}),
]
HttpUrl = Annotated[
    str, PlainValidator(_http_url), WithJsonSchema({"type": "string", "pattern": "^https?://"})
]
_NETWORK_SCHEMA = {"type": "string", "examples": ["192.0.2.7", "192.0.2.0/24"]}
NetworkField = Annotated[
    Network,
    PlainValidator(parse_network),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(_NETWORK_SCHEMA),
]
AddressField = Annotated[
    Address,
    PlainValidator(parse_address),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["192.0.2.7"]}),
]
FileField = Annotated[pathlib.Path, PlainValidator(_beside_the_file), WithJsonSchema({"type": "string"})]
