"""Frames to UDP datagrams and TCP segments: link layers, IPv4 and IPv6, fragments put together.

Link layers: Ethernet (VLAN tags too), raw IP, loopback, Linux "cooked" v1 and v2. RFC 791, RFC 8200, RFC 9293. Tunnels are not opened.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, field
from functools import lru_cache

UDP, TCP = 17, 6
_NULL, ETHERNET, RAW, _LOOP, _COOKED, _IPV4, _IPV6, _COOKED2 = 0, 1, 101, 108, 113, 228, 229, 276
LINK_HEADER = {_NULL: 4, _LOOP: 4, _COOKED: 16, _COOKED2: 20, RAW: 0, 12: 0, 14: 0, _IPV4: 0, _IPV6: 0}
_VLAN = (b"\x81\x00", b"\x88\xa8")
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _DESTINATION = 0, 43, 44, 60
MOST_FRAGMENTED = 512
"""Packets of which fragments are waited for at a time."""
LARGEST_PACKET = 65535


@dataclass(frozen=True, slots=True)
class Packet:
    """One UDP datagram, or one TCP segment with `sequence`, and whether it opens (SYN) or closes (FIN, RST) its connection."""

    protocol: int
    source: str
    destination: str
    payload: bytes = field(repr=False)
    sequence: int = 0
    opens: bool = False
    closes: bool = False


@lru_cache(maxsize=4096)
def endpoint(address: bytes, port: int) -> str:
    """`192.0.2.1:5060` or `[2001:db8::1]:5060`, from the octets of the address."""
    if len(address) == 4:
        return f"{socket.inet_ntop(socket.AF_INET, address)}:{port}"
    return f"[{socket.inet_ntop(socket.AF_INET6, address)}]:{port}"


class IpReader:
    """Understands one frame at a time; remembers fragments. `incomplete` counts packets whose fragments never came."""

    def __init__(self) -> None:
        self._parts: dict[tuple[bytes, ...], dict[int, bytes]] = {}
        self._ends: dict[tuple[bytes, ...], int] = {}
        self._incomplete = 0

    @property
    def incomplete(self) -> int:
        return self._incomplete + len(self._parts)

    def read(self, link: int, frame: bytes) -> Packet | None:
        """The datagram or segment in a frame; None for everything else and for a fragment that is not the last to come."""
        packet = _ip(link, frame)
        if len(packet) < 20:
            return None
        if packet[0] >> 4 == 4:
            return self._v4(packet)
        return self._v6(packet) if packet[0] >> 4 == 6 and len(packet) >= 40 else None

    def _v4(self, packet: bytes) -> Packet | None:
        header = (packet[0] & 0x0F) * 4
        length = int.from_bytes(packet[2:4], "big")
        if header < 20 or len(packet) < header:
            return None
        # Segmentation offload leaves 0 there.
        body = packet[header : length if header <= length <= len(packet) else None]
        flags = int.from_bytes(packet[6:8], "big")
        source, destination, protocol = packet[12:16], packet[16:20], packet[9]
        if flags & 0x3FFF:
            whole = self._gather(
                (source, destination, packet[4:6], packet[9:10]),
                (flags & 0x1FFF) * 8,
                bool(flags & 0x2000),
                body,
            )
            if whole is None:
                return None
            body = whole
        return _transport(protocol, source, destination, body)

    def _v6(self, packet: bytes) -> Packet | None:
        source, destination, kind = packet[8:24], packet[24:40], packet[6]
        length = int.from_bytes(packet[4:6], "big")
        body = packet[40 : 40 + length] if length else packet[40:]
        while kind in (_HOP_BY_HOP, _ROUTING, _DESTINATION, _FRAGMENT):
            if len(body) < 8:
                return None
            if kind == _FRAGMENT:
                place = int.from_bytes(body[2:4], "big")
                kind, name = body[0], (source, destination, body[4:8], body[:1])
                whole = self._gather(name, place & 0xFFF8, bool(place & 1), body[8:])
                if whole is None:
                    return None
                body = whole
            else:
                kind, body = body[0], body[8 + body[1] * 8 :]
        return _transport(kind, source, destination, body)

    def _gather(self, name: tuple[bytes, ...], offset: int, more: bool, part: bytes) -> bytes | None:
        if offset + len(part) > LARGEST_PACKET:
            return None
        if name not in self._parts and len(self._parts) >= MOST_FRAGMENTED:
            oldest = next(iter(self._parts))
            self._forget(oldest)
            self._incomplete += 1
        parts = self._parts.setdefault(name, {})
        parts.setdefault(offset, part)
        if not more:
            self._ends[name] = offset + len(part)
        end, at = self._ends.get(name), 0
        while end is not None and at < end and at in parts and parts[at]:
            at += len(parts[at])
        if end is None or at < end:
            return None
        whole = b"".join(parts[place] for place in sorted(parts))[:end]
        self._forget(name)
        return whole

    def _forget(self, name: tuple[bytes, ...]) -> None:
        del self._parts[name]
        self._ends.pop(name, None)


def _ip(link: int, frame: bytes) -> bytes:
    if link != ETHERNET:
        return frame[LINK_HEADER[link] :] if link in LINK_HEADER else b""
    at = 12
    while frame[at : at + 2] in _VLAN:
        at += 4
    return frame[at + 2 :] if frame[at : at + 2] in (b"\x08\x00", b"\x86\xdd") else b""


def _transport(protocol: int, source: bytes, destination: bytes, body: bytes) -> Packet | None:
    if protocol == UDP and len(body) >= 8:
        source_port, port, length = struct.unpack_from("!HHH", body)
        payload = body[8 : length if length >= 8 else None]
        return Packet(UDP, endpoint(source, source_port), endpoint(destination, port), payload)
    if protocol == TCP and len(body) >= 20:
        source_port, port, sequence = struct.unpack_from("!HHI", body)
        flags = body[13]
        return Packet(
            TCP,
            endpoint(source, source_port),
            endpoint(destination, port),
            body[(body[12] >> 4) * 4 :],
            sequence,
            bool(flags & 0x02),
            bool(flags & 0x05),
        )
    return None


def udp_packet(source: tuple[str, int], destination: tuple[str, int], payload: bytes) -> bytes:
    """An IPv4 packet with one UDP datagram, as a capture of link type 101 holds it; no UDP checksum (RFC 768 allows 0)."""
    length = 28 + len(payload)
    head = struct.pack(
        "!BBHHHBBH4s4s",
        0x45,
        0,
        length,
        0,
        0,
        64,
        UDP,
        0,
        socket.inet_aton(source[0]),
        socket.inet_aton(destination[0]),
    )
    return head + struct.pack("!HHHH", source[1], destination[1], 8 + len(payload), 0) + payload
