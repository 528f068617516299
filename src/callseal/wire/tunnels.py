"""Packets in packets: IP in IP (RFC 2003, RFC 4213), GRE (RFC 2784, RFC 2890) with ERSPAN, VXLAN (RFC 7348), Geneve (RFC 8926). Pure.

Mirrored traffic comes in these: ERSPAN from switches, VXLAN and Geneve from clouds.
"""

from __future__ import annotations

from callseal.wire.layers import by_type, ethernet

IP_IN_IP, IPV6_IN_IP, GRE, ESP = 4, 41, 47, 50
_VXLAN_PORTS, _GENEVE_PORT = (4789, 8472), 6081
_BRIDGED, _ERSPAN, _ERSPAN3 = 0x6558, 0x88BE, 0x22EB


def inner_of_ip(protocol: int, body: bytes) -> bytes | None:
    """The IP packet in the payload of an IP packet; "" when the tunnel holds none, None when this is no tunnel that is known here."""
    if protocol in (IP_IN_IP, IPV6_IN_IP):
        return body
    return _gre(body) if protocol == GRE else None


def inner_of_udp(port: int, payload: bytes) -> bytes | None:
    """The IP packet in a datagram to `port`; None when it is no tunnel."""
    if port in _VXLAN_PORTS and len(payload) >= 22 and payload[0] == 0x08 and payload[1:4] == bytes(3):
        return ethernet(payload[8:])
    if port == _GENEVE_PORT and len(payload) >= 8 and not payload[0] & 0xC0:
        kind = int.from_bytes(payload[2:4], "big")
        rest = payload[8 + 4 * (payload[0] & 0x3F) :]
        return ethernet(rest) if kind == _BRIDGED else by_type(kind, rest)
    return None


def _gre(body: bytes) -> bytes:
    if len(body) < 4 or body[1] & 0x07:  # version 1 is PPTP
        return b""
    kind = int.from_bytes(body[2:4], "big")
    at = 4 + sum(4 for bit in (0x80, 0x20, 0x10) if body[0] & bit)  # checksum, key, sequence number
    rest = body[at:]
    if kind == _BRIDGED:
        return ethernet(rest)
    if kind == _ERSPAN:
        return ethernet(rest[8:] if body[0] & 0x10 else rest)  # type I has no header of its own
    if kind == _ERSPAN3:
        return ethernet(rest[20 if len(rest) > 12 and rest[11] & 1 else 12 :])
    return by_type(kind, rest)
