"""Packet captures: classic pcap and pcapng, read into IP packets. Pure.

Formats: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng. Link layers: Ethernet (with VLAN tags), raw IP, loopback and
Linux "cooked"; frames of others are left out.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

_CLASSIC = {
    b"\xd4\xc3\xb2\xa1": "<",
    b"\xa1\xb2\xc3\xd4": ">",
    b"\x4d\x3c\xb2\xa1": "<",
    b"\xa1\xb2\x3c\x4d": ">",
}
_SECTION = b"\x0a\x0d\x0d\x0a"
_NULL, _ETHERNET, _RAW, _LOOP, _COOKED, _IPV4, _IPV6, _COOKED2 = 0, 1, 101, 108, 113, 228, 229, 276
_LINK_HEADER = {_NULL: 4, _LOOP: 4, _COOKED: 16, _COOKED2: 20, _RAW: 0, _IPV4: 0, _IPV6: 0}
_VLAN = (0x8100, 0x88A8)
_UDP = 17


@dataclass(frozen=True, slots=True)
class UdpDatagram:
    """One UDP datagram of a capture; `source` and `destination` are `address:port`."""

    source: str
    destination: str
    payload: bytes


def is_capture(data: bytes) -> bool:
    """Whether `data` begins like a capture."""
    return data[:4] in _CLASSIC or data[:4] == _SECTION


def udp_datagrams(data: bytes) -> Iterator[UdpDatagram]:
    """Every whole UDP datagram in the order of the file. A file cut off in the middle ends there. Raises `ValueError`."""
    for link, frame in frames(data):
        packet = _ip_packet(link, frame)
        datagram = _udp(packet) if packet else None
        if datagram is not None:
            yield datagram


def frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(link type, frame) of every packet. Raises `ValueError` when `data` is not a capture."""
    if data[:4] in _CLASSIC:
        yield from _classic(data, _CLASSIC[data[:4]])
    elif data[:4] == _SECTION:
        yield from _next_generation(data)
    else:
        raise ValueError("neither pcap nor pcapng")


def _classic(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    if len(data) < 24:
        raise ValueError("pcap file is shorter than its header")
    link = struct.unpack_from(order + "I", data, 20)[0] & 0x0FFFFFFF
    at = 24
    while at + 16 <= len(data):
        length = struct.unpack_from(order + "I", data, at + 8)[0]
        at += 16
        if at + length > len(data):
            return
        yield link, data[at : at + length]
        at += length


def _next_generation(data: bytes) -> Iterator[tuple[int, bytes]]:
    order, links, at = "<", list[int](), 0
    while at + 12 <= len(data):
        if data[at : at + 4] == _SECTION:
            order = "<" if data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            links = []
        kind, length = struct.unpack_from(order + "II", data, at)
        if length < 12 or length % 4 or at + length > len(data):
            return
        body = data[at + 8 : at + length - 4]
        if kind == 1 and len(body) >= 8:  # interface description
            links.append(struct.unpack_from(order + "H", body)[0])
        elif kind == 6 and len(body) >= 20:  # enhanced packet
            interface, captured = struct.unpack_from(order + "I8xI", body)
            if interface < len(links):
                yield links[interface], body[20 : 20 + captured]
        elif kind == 3 and len(body) >= 4 and links:  # simple packet
            yield links[0], body[4 : 4 + struct.unpack_from(order + "I", body)[0]]
        at += length


def _ip_packet(link: int, frame: bytes) -> bytes:
    if link != _ETHERNET:
        return frame[_LINK_HEADER[link] :] if link in _LINK_HEADER else b""
    at = 12
    while int.from_bytes(frame[at : at + 2], "big") in _VLAN:
        at += 4
    return frame[at + 2 :] if frame[at : at + 2] in (b"\x08\x00", b"\x86\xdd") else b""


def _udp(packet: bytes) -> UdpDatagram | None:
    """The datagram in an IPv4 or IPv6 packet (without extension headers); None for anything else, fragments included."""
    version = packet[0] >> 4
    if version == 4 and len(packet) >= 20:
        header = (packet[0] & 0x0F) * 4
        protocol, fragment = packet[9], int.from_bytes(packet[6:8], "big") & 0x3FFF
        source: IPv4Address | IPv6Address = IPv4Address(packet[12:16])
        destination: IPv4Address | IPv6Address = IPv4Address(packet[16:20])
    elif version == 6 and len(packet) >= 40:
        header, protocol, fragment = 40, packet[6], 0
        source, destination = IPv6Address(packet[8:24]), IPv6Address(packet[24:40])
    else:
        return None
    if protocol != _UDP or fragment or len(packet) < header + 8:
        return None
    source_port, destination_port, length = struct.unpack_from("!HHH", packet, header)
    payload = packet[header + 8 : header + max(length, 8)]
    return UdpDatagram(f"{source}:{source_port}", f"{destination}:{destination_port}", payload)
