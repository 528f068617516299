"""Sends what a phone hears to whoever listens: one datagram a frame."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable


class Feed:
    """From `address`, any port, to every one of `listeners` (`address:port`). Raises `OSError` when it cannot bind."""

    def __init__(self, address: str, listeners: Iterable[str]) -> None:
        self._targets = [(host, int(port)) for host, _, port in (one.rpartition(":") for one in listeners)]
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((address, 0))
        except OSError:
            self._socket.close()
            raise
        self._socket.setblocking(False)

    def deliver(self, frame: bytes) -> None:
        """Never raises and never waits."""
        for target in self._targets:
            with contextlib.suppress(OSError):  # nobody listens, or the listener is slow: a lost frame
                self._socket.sendto(frame, target)

    def close(self) -> None:
        self._socket.close()
