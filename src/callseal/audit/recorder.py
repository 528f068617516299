"""A capture in memory, for the lab alone: what crosses a device of loopback or of the lab's own hosts, never written to a disk.

The customer's leg of a live call is account data and may not be recorded; the lab plays public test cards. So this refuses to start anywhere
but where the lab says it is, and the capture ends with the process.
"""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from types import TracebackType
from typing import Self

from callseal.audit.tap import TapError
from callseal.wire.pcap_stream import pcap_header, pcap_record

_ETH_P_IP = 0x0800
LARGEST = 512 << 20
"""Octets; then it stops listening and says so."""
LAB = tuple(map(IPv4Network, ("127.0.0.0/8", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")))
"""Loopback and the documentation ranges (RFC 5737): no live call is there."""


class Recorder:
    """Records IPv4 on `interface` ("": every device) until `stop`. `networks` must be the lab's. Needs root. Raises `TapError`."""

    def __init__(
        self, networks: tuple[IPv4Network, ...], interface: str = "lo", clock: Callable[[], float] = time.time
    ) -> None:
        if not networks or not all(any(one.subnet_of(lab) for lab in LAB) for one in networks):
            raise TapError(
                "only the lab's own networks may be recorded",
                advice="callseal audit live watches an agent's side",
            )
        self._networks, self._clock = networks, clock
        self._text = io.BytesIO()
        self._text.write(pcap_header())
        self._stop = threading.Event()
        self.full = False
        try:
            # Not bound to a device, it hears its protocol on every one. What is routed is heard once, as it arrives.
            everywhere = 0 if interface else socket.htons(_ETH_P_IP)
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, everywhere)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 << 20)
            self._socket.settimeout(0.2)
            if interface:
                self._socket.bind((interface, _ETH_P_IP))
        except OSError as error:
            raise TapError(f"cannot record on {interface or 'any device'}: {error.strerror}") from None
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends the recording; again does nothing."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2)
        self._socket.close()

    def capture(self) -> io.BytesIO:
        """What was recorded, as pcap, to be read from its beginning."""
        self._text.seek(0)
        return self._text

    def _run(self) -> None:
        while not self._stop.is_set() and not self.full:
            try:
                packet, _ = self._socket.recvfrom(65535)
            except TimeoutError:
                continue
            except OSError:
                return
            if len(packet) >= 20 and self._ours(packet):
                self._text.write(pcap_record(self._clock(), packet))
                self.full = self._text.tell() > LARGEST

    def _ours(self, packet: bytes) -> bool:
        return all(
            any(IPv4Address(one) in net for net in self._networks) for one in (packet[12:16], packet[16:20])
        )
