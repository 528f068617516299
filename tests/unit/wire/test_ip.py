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
    ],
)
def test_link_layers(link: int, head: bytes) -> None:
    found = ip.IpReader().read(link, head + WHOLE)
    assert found is not None
    assert (found.source, found.destination, found.payload) == (
        "192.0.2.1:5060",
        "198.51.100.2:5080",
        PAYLOAD,
    )


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


@given(st.sampled_from([0, 1, 12, 101, 113, 276, 999]), st.binary(max_size=120))
def test_anything_is_survived(link: int, frame: bytes) -> None:
    ip.IpReader().read(link, frame)
