"""HEP version 3, the Homer encapsulation protocol: one captured message with who sent it to whom and when.

Layout: "HEP3", 16 bits of total length, then chunks of vendor, type, length (its own six bytes included) and value, big endian
(https://github.com/sipcapture/HEP, hep3_rfc). Only the generic chunks (vendor 0) that a SIP message needs.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

MAGIC = b"HEP3"
_FAMILIES = {4: 2, 6: 10}
_UDP = 17
_LONGEST = 0xFFFF
_SIP = 1
_FAMILY, _PROTOCOL, _PORTS, _SECONDS, _MICROS, _KIND, _AGENT, _PAYLOAD, _CORRELATION = (
    1,
    2,
    7,
    9,
    10,
    11,
    12,
    15,
    17,
)
_ADDRESSES = {4: 3, 6: 5}


class HepError(ValueError):
    """Not a HEP3 packet, or one that is cut."""


@dataclass(frozen=True, slots=True)
class HepPacket:
    """`at` is unix microseconds, `agent` the number of who captured it, `correlation` joins messages of one call ("" for none)."""

    source: tuple[IPv4Address | IPv6Address, int]
    destination: tuple[IPv4Address | IPv6Address, int]
    at: int
    agent: int
    payload: bytes
    correlation: str = ""

    def encode(self) -> bytes:
        """Raises `HepError` when the addresses are of two families or the packet is longer than 65535 bytes."""
        version = self.source[0].version
        if self.destination[0].version != version:
            raise HepError("source and destination are of two address families")
        place = _ADDRESSES[version]
        chunks = b"".join(
            (
                _chunk(_FAMILY, struct.pack("!B", _FAMILIES[version])),
                _chunk(_PROTOCOL, struct.pack("!B", _UDP)),
                _chunk(place, self.source[0].packed),
                _chunk(place + 1, self.destination[0].packed),
                _chunk(_PORTS, struct.pack("!H", self.source[1])),
                _chunk(_PORTS + 1, struct.pack("!H", self.destination[1])),
                _chunk(_SECONDS, struct.pack("!I", self.at // 1_000_000)),
                _chunk(_MICROS, struct.pack("!I", self.at % 1_000_000)),
                _chunk(_KIND, struct.pack("!B", _SIP)),
                _chunk(_AGENT, struct.pack("!I", self.agent)),
                _chunk(_CORRELATION, self.correlation.encode()) if self.correlation else b"",
                _chunk(_PAYLOAD, self.payload),
            )
        )
        length = len(MAGIC) + 2 + len(chunks)
        if length > _LONGEST:
            raise HepError("too long for one packet")
        return MAGIC + struct.pack("!H", length) + chunks

    @classmethod
    def decode(cls, data: bytes) -> HepPacket:
        """Raises `HepError`. Chunks that are not known are passed over."""
        chunks = dict(_chunks(data))
        try:
            first = 3 if 3 in chunks else 5
            return cls(
                source=(ip_address(chunks[first]), _number(chunks[_PORTS])),
                destination=(ip_address(chunks[first + 1]), _number(chunks[_PORTS + 1])),
                at=_number(chunks[_SECONDS]) * 1_000_000 + _number(chunks[_MICROS]),
                agent=_number(chunks[_AGENT]),
                payload=chunks[_PAYLOAD],
                correlation=chunks.get(_CORRELATION, b"").decode(),
            )
        except (KeyError, ValueError) as error:
            raise HepError(f"a chunk is missing or wrong: {error}") from None


def _chunk(kind: int, value: bytes) -> bytes:
    if len(value) + 6 > _LONGEST:
        raise HepError("too long for one packet")
    return struct.pack("!HHH", 0, kind, len(value) + 6) + value


def _chunks(data: bytes) -> Iterator[tuple[int, bytes]]:
    if len(data) < 6 or data[:4] != MAGIC or int.from_bytes(data[4:6]) != len(data):
        raise HepError("no HEP3 packet of this length")
    place = 6
    while place < len(data):
        if place + 6 > len(data):
            raise HepError("cut in the head of a chunk")
        vendor, kind, length = struct.unpack_from("!HHH", data, place)
        if length < 6 or place + length > len(data):
            raise HepError("cut in a chunk")
        if vendor == 0:
            yield kind, data[place + 6 : place + length]
        place += length


def _number(value: bytes) -> int:
    return int.from_bytes(value)
