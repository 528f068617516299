"""The small values: one textual form each, and back."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from callseal.deployment.values import HostPort, PortRange, SipUri, parse_network, toml_type

pytestmark = pytest.mark.unit

ports = st.integers(1, 65535)


@given(st.ip_addresses().filter(lambda one: not (one.is_unspecified or one.is_multicast)), ports)
def test_host_ports_come_back(address: object, port: int) -> None:
    value = HostPort(ip_address(str(address)), port)
    assert HostPort.parse(str(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.1",
        ":5060",
        "10.0.0.1:",
        "10.0.0.1:0",
        "10.0.0.1:65536",
        "10.0.0.1:٣",
        "host:1",
        "2001:db8::1:5060",
        "[10.0.0.1]:1",
        "0.0.0.0:1",
        "239.0.0.1:1",
    ],
)
def test_host_ports_refuse(text: str) -> None:
    with pytest.raises(PydanticCustomError) as error:
        HostPort.parse(text)
    assert error.value.type == "CS015"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("sip:192.0.2.1", SipUri("192.0.2.1")),
        ("sip:sbc.example:5070", SipUri("sbc.example", 5070)),
        ("sip:[2001:db8::1]:5060;transport=udp", SipUri("[2001:db8::1]", 5060, "udp")),
    ],
)
def test_sip_uris(text: str, value: SipUri) -> None:
    assert SipUri.parse(text) == value
    assert str(value) == text


def test_sips_means_tls() -> None:
    assert SipUri.parse("sips:sbc.example").transport == "tls"
    assert SipUri.parse("sip:[2001:db8::1]").address == ip_address("2001:db8::1")
    assert SipUri.parse("sip:sbc.example").address is None


@pytest.mark.parametrize(
    "text", ["sbc.example", "sip:", "sip:a@b", "sip:h:99999", "sip:h;lr", "sip:h;transport", "tel:+44"]
)
def test_sip_uris_refuse(text: str) -> None:
    with pytest.raises(PydanticCustomError) as error:
        SipUri.parse(text)
    assert error.value.type == "CS016"


@given(st.integers(512, 32667), st.integers(50, 100))
def test_port_ranges_come_back(half: int, count: int) -> None:
    value = PortRange(2 * half, 2 * half + 2 * count - 1)
    assert PortRange.parse(str(value)) == value
    assert value.first in value
    assert value.last in value
    assert value.last + 1 not in value


def test_networks() -> None:
    assert str(parse_network("192.0.2.7")) == "192.0.2.7/32"
    assert str(parse_network("2001:db8::/32")) == "2001:db8::/32"
    for text, id_ in (("192.0.2.7/24", "CS014"), ("x", "CS014"), ("0.0.0.0/0", "CS046"), ("::/8", "CS046")):
        with pytest.raises(PydanticCustomError) as error:
            parse_network(text)
        assert error.value.type == id_


def test_braces_in_a_value_are_no_template() -> None:
    with pytest.raises(PydanticCustomError, match=r"\{what\}"):
        HostPort.parse("{what}")


def test_types_have_toml_names() -> None:
    values: tuple[object, ...] = (True, 1, "", [], {}, 1.5)
    assert [toml_type(value) for value in values] == [
        "a boolean",
        "an integer",
        "a text",
        "an array",
        "a table",
        "a float",
    ]
