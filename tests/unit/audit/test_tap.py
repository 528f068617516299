"""IPv4 and UDP headers, read from outside."""

from __future__ import annotations

import struct

import pytest

from callseal.audit.tap import Datagram, parse_ipv4_udp

pytestmark = pytest.mark.unit


def ip(payload: bytes, *, protocol: int = 17, options: bytes = b"", fragment: int = 0) -> bytes:
    words = 5 + len(options) // 4
    head = struct.pack(
        "!BBHHHBBH4s4s",
        0x40 | words,
        0,
        0,
        0,
        fragment,
        64,
        protocol,
        0,
        bytes([192, 0, 2, 1]),
        bytes([192, 0, 2, 2]),
    )
    return head + options + payload


def udp(payload: bytes, length: int | None = None) -> bytes:
    return struct.pack("!HHHH", 5060, 20002, 8 + len(payload) if length is None else length, 0) + payload


def test_a_datagram() -> None:
    assert parse_ipv4_udp(ip(udp(b"hello"))) == Datagram("192.0.2.1:5060", 20002, b"hello")
    assert parse_ipv4_udp(ip(udp(b"hello"), options=b"\x01" * 8)) == Datagram(
        "192.0.2.1:5060", 20002, b"hello"
    )
    assert parse_ipv4_udp(ip(udp(b"hello") + b"trailer")) == Datagram("192.0.2.1:5060", 20002, b"hello")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        ip(udp(b"x"), protocol=6),
        ip(udp(b"x"), fragment=0x2000),
        ip(udp(b"x"), fragment=3),
        ip(b"\x00"),
        b"\x60" + bytes(40),
    ],
)
def test_what_is_not_a_whole_udp_datagram(data: bytes) -> None:
    assert parse_ipv4_udp(data) is None
