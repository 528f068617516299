"""What goes over the lab's wires, searched for addresses that nobody may be shown."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Collection
from types import TracebackType
from typing import Self

from callseal.lab.place import Place

_ETH_P_IP = 0x0800


class WireWatch:
    """Looks at every IPv4 packet at one place (`interface` "": on every device) for `hidden` addresses, in its header and in its text.

    What goes between two addresses of `control` is not looked at. `texts` has the SIP messages that were readable, `found` what held one of the addresses.
    """

    def __init__(
        self, place: Place, hidden: Collection[str], *, control: Collection[str] = (), interface: str = ""
    ) -> None:
        self._raw = [socket.inet_aton(address) for address in hidden]
        self._text = [address.encode() for address in hidden]
        self._control = [socket.inet_aton(address) for address in control]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wire-watch", daemon=True)
        with place.inside():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_IP))
            if interface:
                self._socket.bind((interface, _ETH_P_IP))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._socket.settimeout(0.2)
        self.packets = 0
        self.texts: list[bytes] = []
        self.found: list[bytes] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(2)
        self._socket.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                packet = self._socket.recv(65535)
            except TimeoutError:
                continue
            except OSError:
                return
            if packet[12:16] in self._control and packet[16:20] in self._control:
                continue
            self.packets += 1
            if any(address in packet[12:20] for address in self._raw) or any(
                text in packet for text in self._text
            ):
                self.found.append(packet)
            if b"SIP/2.0" in packet:
                self.texts.append(packet)

    def shows(self, address: str, method: str = "INVITE") -> int:
        """How many messages of that method hold this address."""
        wanted, cseq = address.encode(), re.compile(rf"(?i)\r\ncseq *: *\d+ +{method}\r\n".encode())
        return sum(wanted in text and cseq.search(text) is not None for text in self.texts)
