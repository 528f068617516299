"""What crosses the lab's SIP ports, read from a network device as it happens.

The ladder of the demo is drawn from these messages and from nothing else, so it cannot claim what did not happen.
Only start line, CSeq, Call-ID, the SDP's media address and the *presence* of the token header are kept.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from callseal.lab.place import HERE, Place

SIP_PORT = 5060
_ETH_P_IP = 0x0800
_OUTGOING = 4  # loopback shows a packet twice to who listens to all protocols; one copy is enough
_CALL_ID = re.compile(rb"(?im)^(?:call-id|i)\s*:\s*(\S+)")
_CSEQ = re.compile(rb"(?im)^cseq\s*:\s*(\d+)\s+(\w+)")
_CONNECTION = re.compile(rb"(?m)^c=IN IP4 ([\d.]+)")
_MEDIA = re.compile(rb"(?m)^m=audio (\d+)")
_TO_TAG = re.compile(rb"(?im)^(?:to|t)\s*:[^\r\n]*;tag=")


@dataclass(frozen=True, slots=True)
class SipMessage:
    """One SIP message: `at` is seconds on the monotonic clock, `media` the SDP's address and port or None."""

    at: float
    source: str
    destination: str
    method: str  # of the request, or of the CSeq when `status` is set
    status: int | None
    cseq: int
    call_id: str
    in_dialog: bool
    media: tuple[str, int] | None
    headers: frozenset[str]

    @property
    def label(self) -> str:
        """`INVITE`, `re-INVITE`, `200 INVITE`."""
        if self.status is not None:
            return f"{self.status} {self.method}"
        return f"re-{self.method}" if self.method == "INVITE" and self.in_dialog else self.method


def parse(payload: bytes, source: str, destination: str, at: float) -> SipMessage | None:
    """Read one datagram; None for keep-alives and whatever is not SIP."""
    head, _, body = payload.partition(b"\r\n\r\n")
    first, _, _ = head.partition(b"\r\n")
    call_id, cseq = _CALL_ID.search(head), _CSEQ.search(head)
    if call_id is None or cseq is None:
        return None
    words = first.split(b" ", 2)
    status = int(words[1]) if words[0] == b"SIP/2.0" and len(words) > 1 and words[1].isdigit() else None
    address, port = _CONNECTION.search(body), _MEDIA.search(body)
    names = frozenset(
        line.partition(b":")[0].strip().lower().decode("ascii", "replace") for line in head.split(b"\r\n")[1:]
    )
    return SipMessage(
        at=at,
        source=source,
        destination=destination,
        method=cseq[2].decode("ascii"),
        status=status,
        cseq=int(cseq[1]),
        call_id=call_id[1].decode("ascii", "replace"),
        in_dialog=_TO_TAG.search(head) is not None,
        media=(address[1].decode("ascii"), int(port[1])) if address and port else None,
        headers=names,
    )


class SipTap:
    """A thread that hands every SIP message between two of `addresses` to `heard`. Needs root.

    It listens on `interface` of `place` ("": on every device there).
    """

    def __init__(
        self,
        addresses: frozenset[str],
        heard: Callable[[SipMessage], None],
        *,
        interface: str = "lo",
        place: Place = HERE,
    ) -> None:
        self._addresses = addresses
        self._heard = heard
        self._interface = interface
        self._place = place
        self._stop = threading.Event()
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="sip-tap", daemon=True)

    def __enter__(self) -> Self:
        with self._place.inside():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_IP))
            if self._interface:
                self._socket.bind((self._interface, _ETH_P_IP))
        self._socket.settimeout(0.2)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(2)
        if self._socket is not None:
            self._socket.close()

    def _run(self) -> None:
        tap = self._socket
        while tap is not None and not self._stop.is_set():
            try:
                packet, address = tap.recvfrom(65535)
            except TimeoutError:
                continue
            except OSError:
                return
            if address[2] == _OUTGOING:
                continue
            found = self._datagram(packet)
            if found is not None:
                self._heard(found)

    def _datagram(self, packet: bytes) -> SipMessage | None:
        header = (packet[0] & 0x0F) * 4
        if packet[9] != socket.IPPROTO_UDP or len(packet) < header + 8:
            return None
        source_port, destination_port = struct.unpack_from("!HH", packet, header)
        if SIP_PORT not in (source_port, destination_port):
            return None
        source, destination = socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20])
        if not {source, destination} <= self._addresses:
            return None
        return parse(packet[header + 8 :], source, destination, time.monotonic())
