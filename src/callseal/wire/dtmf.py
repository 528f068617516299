"""Keys on the wire: telephone-events (RFC 4733), redundant coding (RFC 2198) and SIP INFO bodies.

Nothing here counts, keeps or prints a key: that is for the partner's capture and for the auditor's ear.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

KEYS = "0123456789*#ABCD"
"""Keys in the order of their event codes 0 to 15 (RFC 4733 section 3.2)."""
END_REPEATS = 3
"""How often the last packet of an event is sent (RFC 4733 section 2.5.1.4)."""

_EVENT = struct.Struct("!BBH")


@dataclass(frozen=True, slots=True)
class TelephoneEvent:
    """A 4-byte event payload (RFC 4733 section 2.3). `duration` counts timestamp units, `volume` is -dBm0 (0 to 63).

    The event code is left out of `repr`: it is a key somebody pressed.
    """

    event: int = field(repr=False)
    end: bool = False
    volume: int = 10
    duration: int = 0
    reserved: bool = False

    def __post_init__(self) -> None:
        for name, bits in (("event", 8), ("volume", 6), ("duration", 16)):
            if not 0 <= getattr(self, name) < 1 << bits:
                raise ValueError(f"telephone-event {name} does not fit into {bits} bits")

    @classmethod
    def parse(cls, payload: bytes) -> TelephoneEvent:
        """Reads the first event of a payload. Raises `ValueError`."""
        if len(payload) < _EVENT.size:
            raise ValueError("telephone-event is shorter than 4 bytes")
        event, flags, duration = _EVENT.unpack_from(payload)
        return cls(event, bool(flags & 0x80), flags & 0x3F, duration, bool(flags & 0x40))

    @classmethod
    def parse_all(cls, payload: bytes) -> tuple[TelephoneEvent, ...]:
        """Reads every event of a payload; a packet may report several (RFC 4733 section 2.5.1.5). Raises `ValueError`."""
        if not payload or len(payload) % _EVENT.size:
            raise ValueError("telephone-event payload is not a multiple of 4 bytes")
        return tuple(cls.parse(payload[at:]) for at in range(0, len(payload), _EVENT.size))

    @property
    def key(self) -> str | None:
        """The key, or None for an event that is not one (flash hook, tones)."""
        return KEYS[self.event] if self.event < len(KEYS) else None

    def __bytes__(self) -> bytes:
        return _EVENT.pack(self.event, self.end << 7 | self.reserved << 6 | self.volume, self.duration)


def event_code(key: str) -> int:
    """Event code of a key. `ValueError` (without the key) when there is no such key."""
    code = KEYS.find(key.upper()) if len(key) == 1 else -1
    if code < 0:
        raise ValueError("no such key")
    return code


def press(key: str, *, duration: int = 800, step: int = 160, volume: int = 10) -> Iterator[TelephoneEvent]:
    """The payloads of one key press in sending order: one every `step` units, the last one three times with E set.

    All travel with the RTP timestamp of the first, which alone bears the marker bit (RFC 4733 section 2.5.1.1).
    """
    code = event_code(key)
    for elapsed in range(step, duration, step):
        yield TelephoneEvent(code, volume=volume, duration=elapsed)
    for _ in range(END_REPEATS):
        yield TelephoneEvent(code, end=True, volume=volume, duration=duration)


@dataclass(frozen=True, slots=True)
class RedundantBlock:
    """One block of RFC 2198 payload; `offset` counts timestamp units before the packet's own, 0 for the primary."""

    payload_type: int
    offset: int
    payload: bytes = field(repr=False)


def parse_redundant(payload: bytes) -> tuple[RedundantBlock, ...]:
    """Splits an RFC 2198 payload; the primary block is last. Raises `ValueError`."""
    headers: list[tuple[int, int, int]] = []
    at = 0
    while at < len(payload) and payload[at] & 0x80:
        if at + 4 > len(payload):
            raise ValueError("RFC 2198 payload ends within a block header")
        word = int.from_bytes(payload[at : at + 4], "big")
        headers.append((word >> 24 & 0x7F, word >> 10 & 0x3FFF, word & 0x3FF))
        at += 4
    if at >= len(payload):
        raise ValueError("RFC 2198 payload has no primary block")
    primary = payload[at] & 0x7F
    at += 1
    blocks = []
    for payload_type, offset, length in headers:
        if at + length > len(payload):
            raise ValueError("RFC 2198 block is longer than the payload")
        blocks.append(RedundantBlock(payload_type, offset, payload[at : at + length]))
        at += length
    return (*blocks, RedundantBlock(primary, 0, payload[at:]))


def redundant(blocks: tuple[RedundantBlock, ...]) -> bytes:
    """Writes an RFC 2198 payload; the last block is the primary."""
    head = b""
    for block in blocks[:-1]:
        word = 1 << 31 | block.payload_type << 24 | block.offset << 10 | len(block.payload)
        head += word.to_bytes(4, "big")
    return head + bytes([blocks[-1].payload_type]) + b"".join(block.payload for block in blocks)


DTMF_RELAY, DTMF = "application/dtmf-relay", "application/dtmf"


@dataclass(frozen=True, slots=True)
class InfoKey:
    """The key of a SIP INFO (RFC 6086 calls this legacy usage). `duration_ms` None when the body does not say."""

    key: str = field(repr=False)
    duration_ms: int | None = None

    @classmethod
    def parse(cls, content_type: str, body: bytes) -> InfoKey | None:
        """The key in a body of `application/dtmf-relay` or `application/dtmf`; None when the body is something else.

        Raises `ValueError` (without the text) when the type fits and the body holds no key.
        """
        kind = content_type.partition(";")[0].strip().lower()
        text = body.decode("ascii", "replace").strip()
        if kind == DTMF:
            return cls(_info_key(text))
        if kind != DTMF_RELAY:
            return None
        signal = re.search(r"(?im)^\s*signal\s*=\s*(\S+)\s*$", text)
        duration = re.search(r"(?im)^\s*duration\s*=\s*([0-9]{1,6})\s*$", text)
        if signal is None:
            raise ValueError("application/dtmf-relay body has no Signal line")
        return cls(_info_key(signal[1]), int(duration[1]) if duration else None)

    def __bytes__(self) -> bytes:
        """The body as `application/dtmf-relay`."""
        lines = [f"Signal={self.key}"]
        if self.duration_ms is not None:
            lines.append(f"Duration={self.duration_ms}")
        return ("\r\n".join(lines) + "\r\n").encode("ascii")


def _info_key(text: str) -> str:
    """A key as vendors write it: itself, or 10 and 11 for star and pound."""
    text = {"10": "*", "11": "#"}.get(text, text.upper())
    if len(text) != 1 or text not in KEYS:
        raise ValueError("INFO body holds no key")
    return text
