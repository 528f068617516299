"""Frames to UDP datagrams and TCP segments: link layers and tunnels taken off, IPv4 and IPv6, fragments put together.

RFC 791, RFC 8200, RFC 9293; link layers are in `layers`, tunnels in `tunnels`.
"""

from __future__ import annotations

import socket
import struct
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache

from callseal.wire import tunnels
from callseal.wire.layers import ETHERNET, LINK_HEADER, RAW, ip_of

__all__ = ["ETHERNET", "LINK_HEADER", "RAW", "TCP", "UDP", "IpReader", "Packet", "endpoint", "udp_packet"]

UDP, TCP = 17, 6
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _DESTINATION = 0, 43, 44, 60
MOST_FRAGMENTED = 512
"""Packets of which fragments are waited for at a time."""
DEEPEST = 4
"""Tunnels in tunnels."""
LARGEST_PACKET = 65535


@dataclass(frozen=True, slots=True)
class Packet:
    """One UDP datagram, or one TCP segment with `sequence`, and whether it opens (SYN) or closes (FIN, RST) its connection.

    `cut`: the capture kept only its beginning.
    """

    protocol: int
    source: str
    destination: str
    payload: bytes = field(repr=False)
    sequence: int = 0
    opens: bool = False
    closes: bool = False
    cut: bool = False


@lru_cache(maxsize=4096)
def endpoint(address: bytes, port: int) -> str:
    """`192.0.2.1:5060` or `[2001:db8::1]:5060`, from the octets of the address."""
    if len(address) == 4:
        return f"{socket.inet_ntop(socket.AF_INET, address)}:{port}"
    return f"[{socket.inet_ntop(socket.AF_INET6, address)}]:{port}"


class IpReader:
    """Understands one frame at a time; remembers fragments. `incomplete` counts packets whose fragments never came, `unread` what is
    there and cannot be looked into: `link_types` that are not known, `ipsec`, `deep` tunnels.
    """

    def __init__(self) -> None:
        self._parts: dict[tuple[bytes, ...], dict[int, bytes]] = {}
        self._ends: dict[tuple[bytes, ...], int] = {}
        self._incomplete = 0
        self.unread: Counter[str] = Counter()

    @property
    def incomplete(self) -> int:
        return self._incomplete + len(self._parts)

    def read(self, link: int, frame: bytes) -> Packet | None:
        """The datagram or segment in a frame; None for everything else and for a fragment that is not the last to come."""
        packet = ip_of(link, frame)
        if packet is None:
            self.unread["link_types"] += 1
            return None
        return self._packet(packet, 0)

    def _packet(self, packet: bytes, depth: int) -> Packet | None:
        if len(packet) < 20:
            return None
        if depth > DEEPEST:
            self.unread["deep"] += 1
            return None
        if packet[0] >> 4 == 4:
            return self._v4(packet, depth)
        return self._v6(packet, depth) if packet[0] >> 4 == 6 and len(packet) >= 40 else None

    def _v4(self, packet: bytes, depth: int) -> Packet | None:
        header = (packet[0] & 0x0F) * 4
        length = int.from_bytes(packet[2:4], "big")
        if header < 20 or len(packet) < header:
            return None
        # Segmentation offload leaves 0 there.
        body = packet[header : length if header <= length <= len(packet) else None]
        cut = length > len(packet)
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
        return self._transport(protocol, (source, destination), body, depth, cut=cut)

    def _v6(self, packet: bytes, depth: int) -> Packet | None:
        source, destination, kind = packet[8:24], packet[24:40], packet[6]
        length = int.from_bytes(packet[4:6], "big")
        body = packet[40 : 40 + length] if length else packet[40:]
        cut = len(body) < length
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
        return self._transport(kind, (source, destination), body, depth, cut=cut)

    def _transport(
        self, protocol: int, ends: tuple[bytes, bytes], body: bytes, depth: int, *, cut: bool
    ) -> Packet | None:
        if protocol == UDP and len(body) >= 8:
            source_port, port, length = struct.unpack_from("!HHH", body)
            payload = body[8 : length if length >= 8 else None]
            inner = tunnels.inner_of_udp(port, payload)
            if inner is not None:
                return self._packet(inner, depth + 1)
            return Packet(UDP, endpoint(ends[0], source_port), endpoint(ends[1], port), payload, cut=cut)
        if protocol == TCP:
            return _segment(ends, body, cut=cut)
        if protocol == tunnels.ESP:
            self.unread["ipsec"] += 1
            return None
        inner = tunnels.inner_of_ip(protocol, body)
        return None if inner is None else self._packet(inner, depth + 1)

    def _gather(self, name: tuple[bytes, ...], offset: int, more: bool, part: bytes) -> bytes | None:
        if offset + len(part) > LARGEST_PACKET:
            return None
        if name not in self._parts and len(self._parts) >= MOST_FRAGMENTED:
            oldest = next(iter(self._parts))
            self._forget(oldest)
            self._incomplete += 1
        parts = self._parts.setdefault(name, {})
        parts[offset] = part  # the newest: numbers are used again
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


def _segment(ends: tuple[bytes, bytes], body: bytes, *, cut: bool) -> Packet | None:
    if len(body) < 20:
        return None
    source_port, port, sequence = struct.unpack_from("!HHI", body)
    flags = body[13]
    return Packet(
        TCP,
        endpoint(ends[0], source_port),
        endpoint(ends[1], port),
        body[(body[12] >> 4) * 4 :],
        sequence,
        bool(flags & 0x02),
        bool(flags & 0x05),
        cut,
    )


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
