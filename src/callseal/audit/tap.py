"""Sockets for an ear: what arrives at one address, seen from outside by a packet socket (Linux, needs root)."""

from __future__ import annotations

import ctypes
import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address

from callseal.audit.tap_filter import udp_to
from callseal.observe.errors import Error

_ETH_P_ALL = 0x0003
_ETH_P = {4: 0x0800, 6: 0x86DD}
_SO_ATTACH_FILTER = 26
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_RECEIVE_BUFFER = 8 << 20
_UDP_HEADER = 8
_MAX_DATAGRAM = 65535


class TapError(Error):
    """The tap cannot be opened."""

    id = "tap_unavailable"


@dataclass(frozen=True, slots=True)
class Datagram:
    """A UDP datagram on its way to the tapped address."""

    source: str
    port: int
    payload: bytes


class Tap:
    """Sees every UDP datagram that arrives at `address` (IPv4 or IPv6) on `interface`; with `leaving` also what goes out there on its way to it.

    On loopback everything that leaves also arrives, so there `leaving` would show it twice. Raises `TapError`.
    """

    def __init__(self, address: str, interface: str = "lo", *, leaving: bool = False) -> None:
        self._missed = 0
        try:
            wanted = ip_address(address.strip("[]"))
        except ValueError:
            raise TapError(f"{address!r} is not an IP address") from None
        try:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        except (PermissionError, AttributeError):
            raise TapError(
                "a packet socket cannot be opened", advice="Listening needs Linux and root (CAP_NET_RAW)."
            ) from None
        try:
            # Filter first, then bind: not one foreign packet gets in. Bound to one protocol (and not to all), the socket
            # sees what arrives and not what leaves, so a datagram on loopback is there once.
            self._filter(udp_to(wanted))
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            self.socket.setblocking(False)
            self.socket.bind((interface, _ETH_P_ALL if leaving else _ETH_P[wanted.version]))
        except OSError as error:
            self.socket.close()
            raise TapError(
                f"cannot listen on {interface}: {error.strerror}", advice="Name an existing interface."
            ) from None

    def read(self) -> Datagram | None:
        """The next datagram. Raises `BlockingIOError` when there is none; None for what is not a whole UDP datagram over IPv4."""
        data, _ = self.socket.recvfrom(_MAX_DATAGRAM)
        return parse_ipv4_udp(data)

    @property
    def missed(self) -> int:
        """Datagrams that the kernel dropped because we were slow, since the tap was opened."""
        _, drops = struct.unpack("II", self.socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
        self._missed += int(drops)  # the kernel starts over with every question
        return self._missed

    def close(self) -> None:
        self.socket.close()

    def _filter(self, program: bytes) -> None:
        buffer = ctypes.create_string_buffer(program)
        self.socket.setsockopt(
            socket.SOL_SOCKET,
            _SO_ATTACH_FILTER,
            struct.pack("HL", len(program) // 8, ctypes.addressof(buffer)),
        )


def parse_ipv4_udp(data: bytes) -> Datagram | None:
    """A datagram from an IPv4 packet; None when it is something else or a fragment."""
    if len(data) < 20 or data[0] >> 4 != 4 or data[9] != socket.IPPROTO_UDP:
        return None
    header = (data[0] & 0x0F) * 4
    fragment = int.from_bytes(data[6:8], "big") & 0x3FFF
    if fragment or len(data) < header + _UDP_HEADER:
        return None
    source_port, port, length = struct.unpack_from("!HHH", data, header)
    payload = data[header + _UDP_HEADER : header + max(length, _UDP_HEADER)]
    return Datagram(f"{IPv4Address(data[12:16])}:{source_port}", port, payload)
