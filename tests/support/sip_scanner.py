"""A scanner as strangers run them: OPTIONS, REGISTER and INVITE to many ports and extensions, over UDP and TCP, and every
port knocked at. It only counts what comes back; not one packet of it is an answer worth having.
"""

from __future__ import annotations

import secrets
import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from callseal.lab.hosts import Hosts

EXTENSIONS = (
    "100",
    "101",
    "1000",
    "2000",
    "admin",
    "test",
    "voicemail",
    "+442079460123",
    "00442079460123",
    "112",
)
METHODS = ("OPTIONS", "REGISTER", "INVITE")
SIP_PORTS = (5060, 5061, 5062, 5070, 5080, 5160, 6050)
AGENT = "friendly-scanner"  # what SIPVicious calls itself


@dataclass(slots=True)
class Listener:
    """Every IPv4 packet that reached the scanner's host from elsewhere: protocol and source."""

    tap: socket.socket
    packets: list[tuple[int, str]] = field(default_factory=list)

    def settle(self, patience_s: float = 0.5) -> list[tuple[int, str]]:
        """Wait until nothing has come for that long; returns all that came."""
        self.tap.settimeout(patience_s)
        with suppress(TimeoutError):
            while True:
                packet = self.tap.recv(65535)
                self.packets.append((packet[9], socket.inet_ntoa(packet[12:16])))
        return self.packets


@contextmanager
def scanning(hosts: Hosts, source: str) -> Iterator[Listener]:
    """Counts what comes to the host of `source`."""
    with hosts.inside(source):
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
    with tap:
        tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        yield Listener(tap)


def sip_request(method: str, extension: str, source: str, target: str, port: int, transport: str) -> bytes:
    """One request of a scan."""
    tag = secrets.token_hex(6)
    body = (
        f"v=0\r\no=- 1 1 IN IP4 {source}\r\ns=-\r\nc=IN IP4 {source}\r\nt=0 0\r\nm=audio 9000 RTP/AVP 0\r\n"
    )
    body = body if method == "INVITE" else ""
    return (
        f"{method} sip:{extension}@{target}:{port} SIP/2.0\r\n"
        f"Via: SIP/2.0/{transport} {source};branch=z9hG4bK-{tag};rport\r\n"
        f'From: "sipvicious" <sip:{extension}@{target}>;tag={tag}\r\nTo: <sip:{extension}@{target}>\r\n'
        f"Call-ID: {tag}\r\nCSeq: 1 {method}\r\nContact: <sip:{extension}@{source}:5060>\r\nMax-Forwards: 70\r\n"
        f"User-Agent: {AGENT}\r\n"
        + ("Content-Type: application/sdp\r\n" if body else "")
        + f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def scan_sip(
    hosts: Hosts,
    source: str,
    targets: Iterable[str],
    ports: Iterable[int] = SIP_PORTS,
    methods: Iterable[str] = METHODS,
) -> int:
    """Each method and extension to each port of each target, over UDP and over TCP. Returns how much was sent."""
    sent, targets, ports, methods = 0, tuple(targets), tuple(ports), tuple(methods)
    with hosts.inside(source), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((source, 0))
        for target in targets:
            for port in ports:
                for method in methods:
                    for extension in EXTENSIONS:
                        udp.sendto(
                            sip_request(method, extension, source, target, port, "UDP"), (target, port)
                        )
                        sent += 1
                sent += _tcp(source, target, port)
    return sent


def _tcp(source: str, target: str, port: int) -> int:
    """Connect and speak; 1 for the attempt. A port that takes the connection is told all at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
        tcp.bind((source, 0))
        tcp.settimeout(0.05)
        with suppress(OSError):
            tcp.connect((target, port))
            for method in METHODS:
                tcp.sendall(sip_request(method, EXTENSIONS[0], source, target, port, "TCP"))
    return 1


def knock(hosts: Hosts, source: str, target: str, ports: Iterable[int]) -> int:
    """One datagram and one SYN to each port. Returns how many ports."""
    count = 0
    with (
        hosts.inside(source),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw,
    ):
        udp.bind((source, 0))
        raw.bind((source, 0))
        pseudo = sum(struct.unpack("!4H", socket.inet_aton(source) + socket.inet_aton(target))) + 6 + 20
        for port in ports:
            with suppress(ConnectionRefusedError, PermissionError):
                udp.sendto(b"\r\n\r\n", (target, port))
            raw.sendto(_syn(pseudo, port), (target, 0))
            count += 1
    return count


def _syn(pseudo: int, port: int) -> bytes:
    """A bare SYN from port 44444 (RFC 9293, section 3.1)."""
    words = (44444, port, 0x1234, 0x5678, 0, 0, 0x5002, 0xFFFF, 0, 0)
    total = pseudo + sum(words)
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!10H", *words[:8], ~total & 0xFFFF, 0)


def ping(hosts: Hosts, source: str, target: str) -> None:
    """One ICMP echo request."""
    header = struct.pack("!BBHHH", 8, 0, 0, 1, 1)
    (a, b, c, d) = struct.unpack("!4H", header)
    total = a + b + c + d
    header = struct.pack("!BBHHH", 8, 0, ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF, 1, 1)
    with hosts.inside(source), socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.bind((source, 0))
        raw.sendto(header, (target, 0))
