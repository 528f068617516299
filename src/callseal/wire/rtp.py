"""RTP data packets (RFC 3550 section 5.1): one frozen dataclass, `parse` and `bytes`.

`bytes(RtpPacket.parse(data)) == data` for every packet that parses; anything else raises `ValueError` saying why.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

VERSION = 2
HEADER = struct.Struct("!BBHII")
MAX_CSRC = 15

PCMU, PCMA = 0, 8
"""Static payload types of RFC 3551 section 6."""
FIRST_DYNAMIC = 96


@dataclass(frozen=True, slots=True, kw_only=True)
class RtpPacket:
    """One packet. `padding` are the padding bytes as they stand, the count included; `extension` is (profile, data)."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes = b""
    marker: bool = False
    csrc: tuple[int, ...] = ()
    extension: tuple[int, bytes] | None = None
    padding: bytes = b""

    def __post_init__(self) -> None:
        for name, bits in (("payload_type", 7), ("sequence", 16), ("timestamp", 32), ("ssrc", 32)):
            if not 0 <= getattr(self, name) < 1 << bits:
                raise ValueError(f"RTP {name} does not fit into {bits} bits")
        if len(self.csrc) > MAX_CSRC:
            raise ValueError(f"RTP has at most {MAX_CSRC} contributing sources")
        if self.extension is not None and len(self.extension[1]) % 4:
            raise ValueError("RTP header extension must be a multiple of 4 bytes")
        if self.padding and self.padding[-1] != len(self.padding):
            raise ValueError("RTP padding must end with its own length")

    @classmethod
    def parse(cls, data: bytes) -> RtpPacket:
        """Reads one datagram. Raises `ValueError`."""
        if len(data) < HEADER.size:
            raise ValueError("RTP packet is shorter than its header")
        first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
        if first >> 6 != VERSION:
            raise ValueError("RTP version is not 2")
        at = HEADER.size
        csrc_count = first & 0x0F
        if len(data) < at + 4 * csrc_count:
            raise ValueError("RTP packet ends within its contributing sources")
        csrc = struct.unpack_from(f"!{csrc_count}I", data, at)
        at += 4 * csrc_count
        extension = None
        if first & 0x10:
            if len(data) < at + 4:
                raise ValueError("RTP packet ends within its header extension")
            profile, words = struct.unpack_from("!HH", data, at)
            at += 4
            if len(data) < at + 4 * words:
                raise ValueError("RTP packet ends within its header extension")
            extension = (profile, data[at : at + 4 * words])
            at += 4 * words
        end = len(data)
        if first & 0x20:
            count = data[-1]
            if not 1 <= count <= end - at:
                raise ValueError("RTP padding is longer than the packet")
            end -= count
        return cls(
            payload_type=second & 0x7F,
            sequence=sequence,
            timestamp=timestamp,
            ssrc=ssrc,
            payload=data[at:end],
            marker=bool(second & 0x80),
            csrc=csrc,
            extension=extension,
            padding=data[end:],
        )

    def __bytes__(self) -> bytes:
        first = VERSION << 6 | bool(self.padding) << 5 | (self.extension is not None) << 4 | len(self.csrc)
        head = HEADER.pack(
            first, self.marker << 7 | self.payload_type, self.sequence, self.timestamp, self.ssrc
        )
        head += struct.pack(f"!{len(self.csrc)}I", *self.csrc)
        if self.extension is not None:
            profile, data = self.extension
            head += struct.pack("!HH", profile, len(data) // 4) + data
        return head + self.payload + self.padding


def is_rtcp(data: bytes) -> bool:
    """Whether a datagram of a multiplexed port is RTCP and not RTP (RFC 5761 section 4)."""
    return len(data) >= 2 and data[0] >> 6 == VERSION and 192 <= data[1] <= 223
