"""The small values a deployment is written in: addresses, networks, URIs, port ranges. Each refuses with a validator's id."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from callseal.deployment.faults import refuse

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MIN_MEDIA_PORTS = 100
LOWEST_MEDIA_PORT = 1024


class _Written:
    """A value with one textual form: `parse` reads it, `str` writes it."""

    PATTERN = ""
    EXAMPLE = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        raise NotImplementedError

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "pattern": cls.PATTERN, "examples": [cls.EXAMPLE]}

    @classmethod
    def _validate(cls, value: object) -> Self:
        if isinstance(value, cls):
            return value
        return cls.parse(parse_text(value))


@dataclass(frozen=True, slots=True)
class HostPort(_Written):
    """`address:port`, the address a literal one: what a process binds to or sends datagrams to."""

    PATTERN = r"^(\[[0-9a-fA-F:.]+\]|[0-9.]+):[0-9]{1,5}$"
    EXAMPLE = "192.0.2.7:5060"

    address: Address
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        host, colon, port = text.rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        if not colon or not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
            raise refuse("CS015", f"“{text}” is not address:port")
        try:
            address = ip_address(host[1:-1] if bracketed else host)
        except ValueError:
            raise refuse("CS015", f"“{host}” in “{text}” is not an IP address") from None
        if address.is_unspecified or address.is_multicast:
            raise refuse("CS015", f"“{text}” is not one address that others can send to")
        if bracketed != (address.version == 6):
            raise refuse("CS015", f"“{text}”: IPv6 addresses, and only these, stand in brackets")
        return cls(address, int(port))

    @property
    def host(self) -> str:
        """The address as text, without brackets: what `socket` wants."""
        return str(self.address)

    @property
    def pair(self) -> tuple[str, int]:
        """`(host, port)` for the `socket` module."""
        return self.host, self.port

    def __str__(self) -> str:
        host = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class SipUri(_Written):
    """`sip:host[:port][;transport=...]`: where calls are sent. `port` None leaves the choice to DNS (RFC 3263)."""

    PATTERN = r"^sip:[^@]+$"
    EXAMPLE = "sip:192.0.2.7:5060"

    host: str
    port: int | None = None
    transport: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        found = re.fullmatch(
            r"(sips?):(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?(?P<params>(?:;[^;]+)*)",
            text,
        )
        if found is None:
            raise refuse("CS016", f"“{text}” is not sip:host or sip:host:port")
        port = int(found["port"]) if found["port"] else None
        if port is not None and not 1 <= port <= 65535:
            raise refuse("CS016", f"port {port} of “{text}” does not exist")
        transport = "tls" if found[1] == "sips" else None
        for parameter in filter(None, found["params"].split(";")):
            name, _, value = parameter.partition("=")
            if name.lower() != "transport" or not value:
                raise refuse("CS016", f"“{text}”: the only parameter allowed is transport")
            transport = value.lower()
        return cls(found["host"], port, transport)

    @property
    def address(self) -> Address | None:
        """The host as an address; None when it is a name."""
        try:
            return ip_address(self.host.strip("[]"))
        except ValueError:
            return None

    def __str__(self) -> str:
        port = f":{self.port}" if self.port else ""
        transport = f";transport={self.transport}" if self.transport else ""
        return f"sip:{self.host}{port}{transport}"


@dataclass(frozen=True, slots=True)
class PortRange(_Written):
    """`first-last`, both included: rtpengine's media ports. RTP takes the even ones, RTCP the odd (RFC 3550 section 11)."""

    PATTERN = r"^[0-9]{1,5}-[0-9]{1,5}$"
    EXAMPLE = "30000-39999"

    first: int
    last: int

    @classmethod
    def parse(cls, text: str) -> Self:
        found = re.fullmatch(r"([0-9]{1,5})-([0-9]{1,5})", text)
        if found is None:
            raise refuse("CS017", f"“{text}” is not first-last")
        first, last = int(found[1]), int(found[2])
        if first > last:
            raise refuse("CS017", f"“{text}” ends before it begins")
        if first < LOWEST_MEDIA_PORT or last > 65535:
            raise refuse("CS017", f"“{text}” must lie within {LOWEST_MEDIA_PORT}-65535")
        if first % 2 or not last % 2:
            raise refuse("CS017", f"“{text}” must begin with an even and end with an odd port")
        if last - first + 1 < MIN_MEDIA_PORTS:
            raise refuse("CS017", f"“{text}” has fewer than {MIN_MEDIA_PORTS} ports")
        return cls(first, last)

    def __contains__(self, port: object) -> bool:
        return isinstance(port, int) and self.first <= port <= self.last

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


def parse_text(value: object) -> str:
    """A text with something in it."""
    if not isinstance(value, str):
        raise refuse("CS006", f"a text in quotes is wanted, not {toml_type(value)}")
    if not value.strip():
        raise refuse("CS009", "the text is empty")
    return value


def toml_type(value: object) -> str:
    """The TOML word for the type of a Python value that `tomllib` made."""
    if isinstance(value, bool):
        return "a boolean"
    words = {int: "an integer", float: "a float", str: "a text", list: "an array", dict: "a table"}
    return words.get(type(value), "a date or time")


def parse_network(value: object) -> Network:
    """An address or a CIDR network. Host bits are refused: they hide a typing error."""
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    text = parse_text(value)
    try:
        network = ip_network(text)
    except ValueError as error:
        reason = "it has host bits set" if "host bits" in str(error) else "it is not an IP address or network"
        raise refuse("CS014", f"“{text}”: {reason}") from None
    if network.prefixlen < (8 if network.version == 4 else 16):
        raise refuse("CS046", f"“{text}” is half the internet or more, or close to it")
    return network


def parse_address(value: object) -> Address:
    if isinstance(value, IPv4Address | IPv6Address):
        return value
    text = parse_text(value)
    try:
        address = ip_address(text)
    except ValueError:
        raise refuse("CS015", f"“{text}” is not an IP address") from None
    if address.is_unspecified or address.is_multicast:
        raise refuse("CS015", f"“{text}” is not one address that others can send to")
    return address
