"""Captures, written here by hand, byte order and link layer by name."""

from __future__ import annotations

import io
import struct

import pytest

from callseal.wire import ip
from callseal.wire.pcap_stream import CaptureReader, is_capture

pytestmark = pytest.mark.unit

PAYLOAD = b"payload"
UDP = struct.pack("!HHHH", 1000, 2000, 8 + len(PAYLOAD), 0) + PAYLOAD
IPV4 = (
    struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(UDP), 0, 0, 64, 17, 0, bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])
    )
    + UDP
)
IPV6 = struct.pack("!IHBB16s16s", 6 << 28, len(UDP), 17, 64, bytes(15) + b"\x01", bytes(15) + b"\x02") + UDP
EXPECTED = ip.Packet(ip.UDP, "192.0.2.1:1000", "192.0.2.2:2000", PAYLOAD)
ETHERNET = bytes(12)


def classic(frame: bytes, link: int, order: str = "<", magic: int = 0xA1B2C3D4) -> bytes:
    head = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link)
    return head + struct.pack(order + "IIII", 0, 0, len(frame), len(frame)) + frame


def block(kind: int, body: bytes, order: str) -> bytes:
    body += bytes(-len(body) % 4)
    length = 12 + len(body)
    return struct.pack(order + "II", kind, length) + body + struct.pack(order + "I", length)


def next_generation(frame: bytes, link: int, order: str = "<", *, simple: bool = False) -> bytes:
    section = block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)
    interface = block(1, struct.pack(order + "HHI", link, 0, 0), order)
    if simple:
        return section + interface + block(3, struct.pack(order + "I", len(frame)) + frame, order)
    head = struct.pack(order + "IIIII", 0, 0, 0, len(frame), len(frame))
    return section + interface + block(99, b"skipped", order) + block(6, head + frame, order)


def frames(data: bytes) -> list[tuple[float, int, bytes]]:
    return list(CaptureReader(io.BytesIO(data)))


def udp_datagrams(data: bytes) -> list[ip.Packet]:
    reader = ip.IpReader()
    found = (reader.read(link, frame) for _, link, frame in frames(data))
    return [packet for packet in found if packet is not None and packet.protocol == ip.UDP]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B23C4D])
def test_classic(order: str, magic: int) -> None:
    assert list(udp_datagrams(classic(IPV4, 101, order, magic))) == [EXPECTED]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("simple", [False, True])
def test_next_generation(order: str, simple: bool) -> None:
    assert list(udp_datagrams(next_generation(IPV4, 101, order, simple=simple))) == [EXPECTED]


@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (1, ETHERNET + b"\x08\x00" + IPV4),
        (1, ETHERNET + b"\x81\x00\x00\x07\x08\x00" + IPV4),
        (0, bytes(4) + IPV4),
        (113, bytes(16) + IPV4),
        (276, bytes(20) + IPV4),
        (228, IPV4),
    ],
)
def test_link_layers(link: int, frame: bytes) -> None:
    assert list(udp_datagrams(classic(frame, link))) == [EXPECTED]


def test_ipv6() -> None:
    (found,) = udp_datagrams(classic(ETHERNET + b"\x86\xdd" + IPV6, 1))
    assert (found.source, found.destination, found.payload) == ("[::1]:1000", "[::2]:2000", PAYLOAD)


@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (1, ETHERNET + b"\x08\x06" + bytes(28)),
        (1, b"short"),
        (147, IPV4),
        (101, IPV4[:9] + b"\x06" + IPV4[10:]),
        (101, IPV4[:6] + b"\x20\x00" + IPV4[8:]),
        (101, IPV4[:24]),
        (101, b""),
    ],
)
def test_other_frames_are_left_out(link: int, frame: bytes) -> None:
    assert list(udp_datagrams(classic(frame, link))) == []


def test_a_file_cut_off_ends_there() -> None:
    whole = classic(IPV4, 101)
    assert len(list(frames(whole + whole[24:]))) == 2
    assert len(list(frames(whole + whole[24:-1]))) == 1
    assert len(list(frames(next_generation(IPV4, 101)[:-1]))) == 0


def test_what_is_no_capture() -> None:
    assert is_capture(classic(IPV4, 101))
    assert is_capture(next_generation(IPV4, 101))
    assert not is_capture(b"SQLite format 3")
    with pytest.raises(ValueError, match="neither pcap nor pcapng"):
        list(frames(b"SQLite format 3"))
    short = CaptureReader(io.BytesIO(b"\xd4\xc3\xb2\xa1"))
    assert list(short) == []
    assert short.problem == "ends within its file header"
