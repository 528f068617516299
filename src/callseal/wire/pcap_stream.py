"""Packet captures of any size, frame by frame in flat memory: classic pcap and pcapng, in the order of the file.

Formats: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng. A reader never raises for what comes after a good beginning: what
is cut off or broken is told in `problem`, and the frames before it stand.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Protocol

CHUNK = 1 << 20
LARGEST_FRAME = 1 << 18
"""Octets; a record that says it is longer is a broken file (libpcap's own limit)."""
LARGEST_BLOCK = 1 << 24
_CLASSIC = {
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6),
    b"\xa1\xb2\xc3\xd4": (">", 1e-6),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9),
}
_SECTION = b"\x0a\x0d\x0d\x0a"
_INTERFACE, _OLD_PACKET, _SIMPLE, _ENHANCED = 1, 2, 3, 6
_TSRESOL, _TSOFFSET = 9, 14

Frame = tuple[float, int, bytes]
"""Seconds (Unix), link type, octets."""


class Readable(Protocol):
    """What is read: an open file, a decompressor, memory."""

    def read(self, size: int = ..., /) -> bytes: ...


class NotACaptureError(ValueError):
    """The file does not begin like pcap or pcapng."""


def is_capture(data: bytes) -> bool:
    """Whether `data` begins like a capture."""
    return data[:4] in _CLASSIC or data[:4] == _SECTION


class CaptureReader:
    """Iterates over the frames of one capture, once.

    `frames`, `cut` (frames of which the capture kept only the beginning) and `problem` ("" or a sentence) grow on the way.
    """

    def __init__(self, source: Readable) -> None:
        self._source = source
        self.frames = 0
        self.cut = 0
        self.problem = ""

    def __iter__(self) -> Iterator[Frame]:
        """Raises `NotACaptureError` (also for an empty file), `OSError` and `EOFError` of the source never: they end it."""
        begin = self._read(4)
        if not begin:
            raise NotACaptureError(self.problem or "the file is empty")
        if begin in _CLASSIC:
            return self._classic(*_CLASSIC[begin])
        if begin == _SECTION:
            return self._next_generation(begin)
        raise NotACaptureError(self.problem or "neither pcap nor pcapng")

    def _read(self, size: int) -> bytes:
        try:
            return self._source.read(size)
        except (OSError, EOFError, ValueError) as error:  # a broken gzip, a disk that fails
            self.problem = f"cannot be read further ({type(error).__name__})"
            return b""
        except Exception as error:
            if type(error).__module__ != "zlib":
                raise
            self.problem = "cannot be read further (compressed data is broken)"
            return b""

    def _stop(self, problem: str) -> None:
        self.problem = self.problem or problem

    def _classic(self, order: str, unit: float) -> Iterator[Frame]:
        head = self._read(20)
        if len(head) < 20:
            self._stop("ends within its file header")
            return
        link = struct.unpack_from(order + "I", head, 16)[0] & 0x0FFFFFFF
        record = struct.Struct(order + "IIII").unpack_from
        rest = b""
        while chunk := self._read(CHUNK):
            data = rest + chunk if rest else chunk
            at, end = 0, len(data)
            while at + 16 <= end:
                seconds, fraction, length, whole = record(data, at)
                if length > LARGEST_FRAME:
                    self._stop(f"is broken after frame {self.frames}: a frame of {length} octets")
                    return
                begin, after = at + 16, at + 16 + length
                if after > end:
                    break
                self.frames += 1
                if whole > length:
                    self.cut += 1
                yield seconds + fraction * unit, link, data[begin:after]
                at = after
            rest = data[at:]
        if rest:
            self._stop(f"is cut off within frame {self.frames + 1}")

    def _next_generation(self, begin: bytes) -> Iterator[Frame]:
        order = "<"
        links: list[tuple[int, float, float]] = []
        data, at = begin, 0
        while True:
            if len(data) - at < 12:
                data, at = data[at:] + self._read(CHUNK), 0
                if len(data) < 12:
                    break
            if data[at : at + 4] == _SECTION:
                order = "<" if data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
                links = []
            kind, length = struct.unpack_from(order + "II", data, at)
            if length < 12 or length % 4 or length > LARGEST_BLOCK:
                self._stop(f"is broken after frame {self.frames}: a block of {length} octets")
                return
            while len(data) - at < length:
                more = self._read(max(CHUNK, length))
                if not more:
                    self._stop(f"is cut off within the block after frame {self.frames}")
                    return
                data, at = data[at:] + more, 0
            body = data[at + 8 : at + length - 4]
            at += length
            if kind == _INTERFACE and len(body) >= 8:
                links.append((struct.unpack_from(order + "H", body)[0], *_resolution(order, body[8:])))
            else:
                frame = self._packet(order, kind, body, links)
                if frame is not None:
                    self.frames += 1
                    yield frame
        if data[at:]:
            self._stop(f"is cut off after frame {self.frames}")

    def _packet(
        self, order: str, kind: int, body: bytes, links: list[tuple[int, float, float]]
    ) -> Frame | None:
        if kind == _ENHANCED and len(body) >= 20:
            interface, high, low, captured, whole = struct.unpack_from(order + "IIIII", body)
        elif kind == _OLD_PACKET and len(body) >= 20:
            interface, _, high, low, captured, whole = struct.unpack_from(order + "HHIIII", body)
        elif kind == _SIMPLE and len(body) >= 4 and links:
            whole = struct.unpack_from(order + "I", body)[0]
            captured = min(whole, len(body) - 4)
            self.cut += captured < whole
            return 0.0, links[0][0], body[4 : 4 + captured]
        else:
            return None
        if interface >= len(links):
            return None
        self.cut += captured < whole
        link, unit, offset = links[interface]
        return (high << 32 | low) * unit + offset, link, body[20 : 20 + captured]


def _resolution(order: str, options: bytes) -> tuple[float, float]:
    """(seconds of one unit, seconds to add) of an interface."""
    unit, offset, at = 1e-6, 0.0, 0
    while at + 4 <= len(options):
        code, length = struct.unpack_from(order + "HH", options, at)
        value = options[at + 4 : at + 4 + length]
        if code == 0:
            break
        if code == _TSRESOL and value:
            unit = 2.0 ** -(value[0] & 0x7F) if value[0] & 0x80 else 10.0 ** -value[0]
        elif code == _TSOFFSET and len(value) == 8:
            offset = float(struct.unpack(order + "q", value)[0])
        at += 4 + length + -length % 4
    return unit, offset


def pcap_header(link: int = 101) -> bytes:
    """Begin of a classic capture in microseconds; link type 101 is raw IP."""
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, LARGEST_FRAME, link)


def pcap_record(at: float, frame: bytes) -> bytes:
    """One frame of a classic capture; `at` is Unix seconds."""
    microseconds = round(at * 1_000_000)
    return (
        struct.pack("<IIII", microseconds // 1_000_000, microseconds % 1_000_000, len(frame), len(frame))
        + frame
    )
