"""The same call as other tools capture it: other link layers, tunnels, fragments, IPv6, SIP on TCP, and every kind of file."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from callseal.wire.ip import udp_packet
from tests.support.call_capture import Capture, Where

Row = tuple[float, bytes]
SIP_PORT = 5060


@dataclass(frozen=True, slots=True)
class Datagram:
    """What a frame of a made-up capture holds."""

    source: Where
    destination: Where
    payload: bytes

    @classmethod
    def of(cls, frame: bytes) -> Datagram:
        ports = struct.unpack_from("!HH", frame, 20)
        ends = [
            (socket.inet_ntoa(frame[at : at + 4]), port) for at, port in zip((12, 16), ports, strict=True)
        ]
        return cls(ends[0], ends[1], frame[28:])

    @property
    def sip(self) -> bool:
        return self.source[1] == SIP_PORT


def rows(capture: Capture) -> list[Row]:
    return sorted(capture.records, key=lambda row: row[0])


def retold(capture: Capture, tell: Callable[[str], str]) -> Capture:
    """Every SIP message told otherwise; its Content-Length is made right again."""
    found = Capture()
    for at, frame in rows(capture):
        one = Datagram.of(frame)
        if not one.sip:
            found.records.append((at, frame))
            continue
        text = tell(one.payload.decode())
        head, _, body = text.partition("\r\n\r\n")
        lines = [
            line
            for line in head.split("\r\n")
            if line.partition(":")[0].lower() not in ("content-length", "l")
        ]
        text = "\r\n".join([*lines, f"l: {len(body.encode())}"]) + "\r\n\r\n" + body
        found.records.append((at, udp_packet(one.source, one.destination, text.encode())))
    return found


def compact(text: str) -> str:
    """Compact forms (RFC 3261 section 7.3.3), and a folded line."""
    for name, short in (("Call-ID", "i"), ("From", "f"), ("To", "t"), ("Via", "v"), ("Content-Type", "c")):
        text = text.replace(f"\r\n{name}: ", f"\r\n{short} :\r\n  ")
    return text


def multipart(text: str) -> str:
    """The SDP as one part of several, as gateways to the old network send it (RFC 3204)."""
    head, _, body = text.partition("\r\n\r\n")
    if "v=0" not in body:
        return text
    head = head.replace("application/sdp", "multipart/mixed;boundary=unique")
    return (
        f"{head}\r\n\r\n--unique\r\nContent-Type: application/isup;version=itu-t92+\r\n\r\n\x01\x00\x49\r\n--unique\r\n"
        f"Content-Type: application/sdp\r\n\r\n{body}\r\n--unique--\r\n"
    )


def slips(text: str) -> str:
    """SDP with what a strict reader refuses: an origin without its parts, a line that is none, blanks, LF alone, an odd `m=`."""
    head, found, body = text.partition("v=0\r\n")
    if not found:
        return text
    lines = ["v=0", "o=gateway", "garbage", *body.split("\r\n")[1:]]
    return (
        head
        + "\n".join(line + " " if line.startswith("c=") else line for line in lines)
        + "m=video port RTP/AVP 99\na=x\n"
    )


# -- frames --------------------------------------------------------------------------------------------------------


def fragments(frame: bytes, number: int, size: int = 552) -> list[bytes]:
    """IPv4 fragments (RFC 791)."""
    body = frame[20:]
    found = []
    for at in range(0, len(body), size):
        part, more = body[at : at + size], at + size < len(body)
        head = struct.pack(
            "!BBHHH", 0x45, 0, 20 + len(part), number & 0xFFFF, at // 8 | (0x2000 if more else 0)
        )
        found.append(head + frame[8:20] + part)
    return found


def fragmented(capture: Capture, *, seed: int = 1) -> list[Row]:
    """Every message in fragments, which do not come in their order."""
    chance, found = random.Random(seed), []
    for number, (at, frame) in enumerate(rows(capture)):
        parts = fragments(frame, number, 104) if Datagram.of(frame).sip else [frame]
        chance.shuffle(parts)
        found += [(at + place * 1e-5, part) for place, part in enumerate(parts)]
    return found


def v6(address: str) -> str:
    return "2001:db8::{:x}:{:x}".format(*struct.unpack("!HH", socket.inet_aton(address)))


def over_ipv6(capture: Capture) -> list[Row]:
    """The whole call over IPv6; the SDP has another spelling of the addresses than packets do."""
    found = []
    for at, frame in rows(capture):
        one = Datagram.of(frame)
        payload = one.payload
        if one.sip:
            for address in ("198.51.100.10", "192.0.2.20", "192.0.2.21", "192.0.2.130", "198.51.100.140"):
                spelled = (
                    v6(address).upper().replace("::", ":0:0:0:0:0").replace(":0:0:0:0:0", ":0:0:0:0:", 1)
                )
                payload = payload.replace(f"IN IP4 {address}".encode(), f"IN IP6 {spelled}".encode())
            head, _, body = payload.partition(b"\r\n\r\n")
            lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
            payload = b"\r\n".join([*lines, b"Content-Length: %d" % len(body)]) + b"\r\n\r\n" + body
        ends = b"".join(
            socket.inet_pton(socket.AF_INET6, v6(where[0])) for where in (one.source, one.destination)
        )
        udp = struct.pack("!HHHH", one.source[1], one.destination[1], 8 + len(payload), 0) + payload
        found.append((at, struct.pack("!IHBB", 6 << 28, len(udp), 17, 64) + ends + udp))
    return found


def over_tcp(capture: Capture, *, size: int = 300, lose: int = -1, seed: int = 1) -> list[Row]:
    """SIP on TCP: messages that come together are joined, then cut into segments that are repeated and not in order.

    Segment number `lose` of each connection was sent and is not in the capture.
    """
    chance = random.Random(seed)
    streams: dict[tuple[Where, Where], list[tuple[float, bytes]]] = {}
    found: list[Row] = []
    for at, frame in rows(capture):
        one = Datagram.of(frame)
        if one.sip:
            streams.setdefault((one.source, one.destination), []).append((at, one.payload))
        else:
            found.append((at, frame))
    for (source, destination), messages in streams.items():
        begin = chance.randrange(1 << 32)
        found.append((messages[0][0] - 0.01, _segment(source, destination, begin, b"", 0x02)))
        sequence, number = begin + 1, 0
        for at, text in messages:
            cuts = [text[place : place + size] for place in range(0, len(text), size)]
            parts = []
            for part in cuts:
                parts.append(_segment(source, destination, sequence & 0xFFFFFFFF, part, 0x18))
                sequence += len(part)
            kept = [part for place, part in enumerate(parts, number) if place != lose]
            number += len(parts)
            kept += kept[:1]
            chance.shuffle(kept)
            found += [(at + place * 1e-5, part) for place, part in enumerate(kept)]
    return found


def _segment(source: Where, destination: Where, sequence: int, payload: bytes, flags: int) -> bytes:
    tcp = struct.pack("!HHIIBBHHH", source[1], destination[1], sequence, 0, 0x50, flags, 8192, 0, 0) + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0)
    return head + socket.inet_aton(source[0]) + socket.inet_aton(destination[0]) + tcp


# -- files ---------------------------------------------------------------------------------------------------------


def pcap(
    found: list[Row],
    *,
    link: int = 101,
    before: bytes = b"",
    order: str = "<",
    nano: bool = False,
    snap: int = 1 << 18,
) -> bytes:
    """A classic file; `before` stands before the IP packet of every frame, of which `snap` octets are kept."""
    magic, unit = (0xA1B23C4D, 1_000_000_000) if nano else (0xA1B2C3D4, 1_000_000)
    data = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap, link)]
    for at, packet in sorted(found, key=lambda row: row[0]):
        frame = before + packet
        fraction = round(at % 1 * unit) % unit
        data.append(
            struct.pack(order + "IIII", int(at), fraction, min(len(frame), snap), len(frame)) + frame[:snap]
        )
    return b"".join(data)


ETHERNET = bytes(12) + b"\x08\x00"


def pcapng(found: list[Row], *, order: str = "<") -> bytes:
    """Three interfaces (raw in microseconds, Ethernet in nanoseconds, cooked in 2^-20 s and an hour off), frames in turn; blocks nobody knows between."""
    kinds = (
        (101, b"", 6, 10**6, 0),
        (1, ETHERNET, 9, 10**9, 0),
        (113, bytes(14) + b"\x08\x00", 0x80 | 20, 1 << 20, 3600),
    )
    data = [_block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))]
    for link, _, resolution, _, shift in kinds:
        options = (
            _option(order, 9, bytes((resolution,)))
            + _option(order, 14, struct.pack(order + "q", shift))
            + _option(order, 0, b"")
        )
        data.append(_block(order, 1, struct.pack(order + "HHI", link, 0, 0) + options))
    for number, (at, packet) in enumerate(sorted(found, key=lambda row: row[0])):
        _, before, _, unit, shift = kinds[number % 3]
        stamp, frame = round((at - shift) * unit), before + packet
        head = struct.pack(
            order + "IIIII", number % 3, stamp >> 32, stamp & 0xFFFFFFFF, len(frame), len(frame)
        )
        data.append(_block(order, 6, head + frame + bytes(-len(frame) % 4) + _option(order, 0, b"")))
        if number % 50 == 0:
            data.append(_block(order, 0x0BAD, b"what is this"))
    return b"".join(data)


def _block(order: str, kind: int, body: bytes) -> bytes:
    return struct.pack(order + "II", kind, 12 + len(body)) + body + struct.pack(order + "I", 12 + len(body))


def _option(order: str, code: int, value: bytes) -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def interleaved(*captures: Capture) -> Iterator[Row]:
    """Calls at the same time on other names and ports, a little later each."""
    for number, capture in enumerate(captures):
        for at, frame in rows(capture):
            one = Datagram.of(frame)
            shift = 100 * number
            if one.sip:
                head, found, rest = one.payload.partition(b"m=audio ")
                if found:
                    port, _, rest = rest.partition(b" ")
                    head += b"m=audio %d " % (int(port) + shift)
                payload = (
                    (head + rest)
                    .replace(b"-leg@x", b"-leg@%d" % number)
                    .replace(b"ab" * 16, b"%02x" % number * 16)
                )
                payload = payload.replace(b"+442079460123", b"+44207946012%d" % number)
                yield at + number / 10, udp_packet(one.source, one.destination, payload)
            else:
                ends = [(where[0], where[1] + shift) for where in (one.source, one.destination)]
                yield at + number / 10, udp_packet(ends[0], ends[1], one.payload)
