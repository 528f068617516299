"""What a UDP datagram is, by its first octets (RFC 7983, RFC 5761), and the octets by which an RTP stream is known. Pure."""

from __future__ import annotations

import socket
from enum import StrEnum

from callseal.wire import ip
from callseal.wire.sip import looks_like_sip

_DTLS = (b"\xfe\xff", b"\xfe\xfd")


class Kind(StrEnum):
    """The value is the name under which it is counted."""

    SIP = "sip"
    RTP = "rtp"
    RTCP = "rtcp"
    DTLS = "dtls"
    ZRTP = "zrtp"
    TURN = "turn"
    """A channel of RFC 8656: what is in it is not looked at."""
    OTHER = "other"


def kind_of(data: bytes) -> Kind:
    """What it looks like; `OTHER` when that is nothing known here."""
    if len(data) < 4:
        return Kind.OTHER
    if looks_like_sip(data):
        return Kind.SIP
    return _rtp(data) if data[0] >> 6 == 2 else _other(data)


def _rtp(data: bytes) -> Kind:
    if 192 <= data[1] <= 223:
        return Kind.RTCP
    return Kind.RTP if len(data) >= 12 else Kind.OTHER


def _other(data: bytes) -> Kind:
    if 20 <= data[0] <= 25 and data[1:3] in _DTLS:
        return Kind.DTLS
    if data[4:8] == b"ZRTP":
        return Kind.ZRTP
    if 0x40 <= data[0] <= 0x4F and 0 <= len(data) - 4 - int.from_bytes(data[2:4], "big") < 4:
        return Kind.TURN
    return Kind.OTHER


def ends_of(name: bytes) -> tuple[str, str]:
    """Source and destination of a stream, from the octets by which it is known: both addresses, both ports, SSRC."""
    size = 16 if len(name) > 16 else 4
    ports = name[2 * size : 2 * size + 4]
    source = ip.endpoint(name[:size], int.from_bytes(ports[:2], "big"))
    return source, ip.endpoint(name[size : 2 * size], int.from_bytes(ports[2:], "big"))


def name_of(source: str, destination: str, packet: bytes) -> bytes:
    """The octets by which the stream of an RTP packet is known."""
    parts = []
    for where in (source, destination):
        address, _, port = where.rpartition(":")
        family = socket.AF_INET6 if address.startswith("[") else socket.AF_INET
        parts.append((socket.inet_pton(family, address.strip("[]")), int(port).to_bytes(2, "big")))
    return parts[0][0] + parts[1][0] + parts[0][1] + parts[1][1] + packet[8:12]
