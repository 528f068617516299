"""Frames to datagrams: link layers, fragments in any order, and nothing that raises."""

from __future__ import annotations

import random
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callseal.wire import ip

pytestmark = pytest.mark.unit

SOURCE, DESTINATION = ("192.0.2.1", 5060), ("198.51.100.2", 5080)
PAYLOAD = bytes(range(256)) * 6
WHOLE = ip.udp_packet(SOURCE, DESTINATION, PAYLOAD)


def fragments(size: int) -> list[bytes]:
    body, found = WHOLE[20:], []
    for at in range(0, len(body), size):
        part = body[at : at + size]
        flags = at // 8 | (0x2000 if at + size < len(body) else 0)
        found.append(struct.pack("!BBHHH", 0x45, 0, 20 + len(part), 77, flags) + WHOLE[8:20] + part)
    return found


def fragments_v6(size: int) -> list[bytes]:
    ends = socket.inet_pton(socket.AF_INET6, "2001:db8::1") + socket.inet_pton(socket.AF_INET6, "2001:db8::2")
    body, found = WHOLE[20:], []
    for at in range(0, len(body), size):
        part = body[at : at + size]
        more = at + size < len(body)
        head = struct.pack("!BBHI", 17, 0, at | more, 5)
        found.append(struct.pack("!IHBB", 6 << 28, 8 + len(part), 44, 9) + ends + head + part)
    return found


@pytest.mark.parametrize(
    ("link", "head"),
    [
        (1, bytes(12) + b"\x08\x00"),
        (1, bytes(12) + b"\x81\x00\x00\x05\x08\x00"),
        (101, b""),
        (0, bytes(4)),
        (113, bytes(16)),
        (276, bytes(20)),
        (113, bytes(14) + b"\x08\x00"),
        (113, bytes(14) + b"\x81\x00\x00\x05\x08\x00"),
        (276, b"\x08\x00" + bytes(18)),
        (276, b"\x88\xa8" + bytes(18) + b"\x00\x05\x81\x00\x00\x06\x08\x00"),
        (1, bytes(12) + b"\x88\xa8\x00\x05\x81\x00\x00\x06\x08\x00"),
        (1, bytes(12) + b"\x88\x64\x11\x00\x00\x01\x00\x00\x00\x21"),
        (1, bytes(12) + b"\x88\x47\x00\x01\x00\x40\x00\x02\x01\x40"),
        (9, b"\xff\x03\x00\x21"),
        (9, b"\x00\x21"),
        (104, b"\x0f\x00\x08\x00"),
    ],
    ids=lambda value: value.hex() if isinstance(value, bytes) else str(value),
)
def test_link_layers(link: int, head: bytes) -> None:
    found = ip.IpReader().read(link, head + WHOLE)
    assert found is not None
    assert (found.source, found.destination, found.payload) == (
        "192.0.2.1:5060",
        "198.51.100.2:5080",
        PAYLOAD,
    )


def in_ip(protocol: int, body: bytes) -> bytes:
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, protocol, 0)
    return head + socket.inet_aton("203.0.113.1") + socket.inet_aton("203.0.113.2") + body


def in_udp(port: int, payload: bytes) -> bytes:
    return ip.udp_packet(("203.0.113.1", 40000), ("203.0.113.2", port), payload)


FRAME = bytes(12) + b"\x08\x00" + WHOLE
TUNNELS = {
    "IP in IP": in_ip(4, WHOLE),
    "GRE": in_ip(47, b"\x00\x00\x08\x00" + WHOLE),
    "GRE with checksum, key and number": in_ip(47, b"\xb0\x00\x08\x00" + bytes(12) + WHOLE),
    "GRE, bridged": in_ip(47, b"\x20\x00\x65\x58" + bytes(4) + FRAME),
    "ERSPAN I": in_ip(47, b"\x00\x00\x88\xbe" + FRAME),
    "ERSPAN II": in_ip(47, b"\x10\x00\x88\xbe" + bytes(4) + b"\x10" + bytes(7) + FRAME),
    "ERSPAN III": in_ip(47, b"\x10\x00\x22\xeb" + bytes(4) + b"\x20" + bytes(11) + FRAME),
    "ERSPAN III and more": in_ip(
        47, b"\x10\x00\x22\xeb" + bytes(4) + b"\x20" + bytes(10) + b"\x01" + bytes(8) + FRAME
    ),
    "VXLAN": in_udp(4789, b"\x08" + bytes(7) + FRAME),
    "Geneve": in_udp(6081, b"\x01\x00\x65\x58" + bytes(8) + FRAME),
    "Geneve without Ethernet": in_udp(6081, b"\x00\x00\x08\x00" + bytes(4) + WHOLE),
    "VXLAN in GRE": in_ip(47, b"\x00\x00\x08\x00" + in_udp(8472, b"\x08" + bytes(7) + FRAME)),
}


@pytest.mark.parametrize("packet", TUNNELS.values(), ids=TUNNELS)
def test_tunnels(packet: bytes) -> None:
    found = ip.IpReader().read(101, packet)
    assert found is not None
    assert (found.source, found.payload, found.cut) == ("192.0.2.1:5060", PAYLOAD, False)


def test_what_cannot_be_looked_into_is_counted() -> None:
    reader, nested = ip.IpReader(), WHOLE
    assert reader.read(101, in_ip(50, bytes(80))) is None
    assert reader.read(105, bytes(80)) is None
    for _ in range(ip.DEEPEST + 1):
        nested = in_ip(4, nested)
    assert reader.read(101, nested) is None
    assert reader.unread == {"ipsec": 1, "link_types": 1, "deep": 1}


@pytest.mark.parametrize("packet", [WHOLE[:200], in_ip(4, WHOLE)[:200]])
def test_a_packet_of_which_the_end_is_missing_says_so(packet: bytes) -> None:
    found = ip.IpReader().read(101, packet)
    assert found is not None
    assert found.cut


def test_numbers_of_fragments_that_are_used_again() -> None:
    """A packet that lost a fragment does not spoil the next one with its number."""
    reader, parts = ip.IpReader(), fragments(256)
    stale = bytearray(parts[1])
    stale[-1] ^= 1
    assert reader.read(101, bytes(stale)) is None
    found = [one for part in parts if (one := reader.read(101, part)) is not None]
    assert [one.payload for one in found] == [PAYLOAD]


def test_padding_of_short_frames_is_not_payload() -> None:
    short = ip.udp_packet(SOURCE, DESTINATION, b"1234")
    found = ip.IpReader().read(1, bytes(12) + b"\x08\x00" + short + bytes(14))
    assert found is not None
    assert found.payload == b"1234"


@pytest.mark.parametrize("make", [fragments, fragments_v6])
def test_fragments_in_any_order(make: object) -> None:
    assert callable(make)
    parts = make(256)
    for seed in range(20):
        random.Random(seed).shuffle(parts)
        reader = ip.IpReader()
        found = [one for part in [*parts[:2], *parts] if (one := reader.read(101, part)) is not None]
        assert [one.payload for one in found][:1] == [PAYLOAD], seed


def test_a_missing_fragment_is_counted_and_the_memory_is_bounded() -> None:
    reader = ip.IpReader()
    parts = fragments(256)
    assert all(reader.read(101, part) is None for part in parts[1:])
    assert reader.incomplete == 1
    for number in range(3000):
        part = bytearray(parts[0])
        part[4:6] = number.to_bytes(2, "big")
        reader.read(101, bytes(part))
    assert reader.incomplete > 2900
    assert len(reader._parts) <= ip.MOST_FRAGMENTED


def test_tcp_segment() -> None:
    segment = struct.pack("!HHIIBBHHH", 5060, 5080, 9, 0, 0x50, 0x02, 0, 0, 0) + b"text"
    packet = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 64, 6, 0) + WHOLE[12:20] + segment
    found = ip.IpReader().read(101, packet)
    assert found is not None
    assert (found.sequence, found.opens, found.closes, found.payload) == (9, True, False, b"text")


@given(st.sampled_from([0, 1, 9, 12, 50, 101, 104, 113, 276, 999]), st.binary(max_size=120))
def test_anything_is_survived(link: int, frame: bytes) -> None:
    ip.IpReader().read(link, frame)


@given(st.sampled_from([4, 41, 47]), st.binary(max_size=120))
def test_any_tunnel_is_survived(protocol: int, body: bytes) -> None:
    ip.IpReader().read(101, in_ip(protocol, body))
    ip.IpReader().read(101, in_udp(4789 if protocol == 4 else 6081, body))
