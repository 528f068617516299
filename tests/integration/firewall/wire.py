"""Does it pass? One datagram or one connection between two addresses, and what the edge's firewall counted."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from callseal.lab.hosts import Hosts

PATIENCE_S = 0.1
EDGE = "192.0.2.20"


@dataclass(frozen=True, slots=True)
class Guarded:
    """Hosts whose edges and desk have loaded their `files`."""

    hosts: Hosts
    files: Mapping[str, Path]

    def datagram(self, source: tuple[str, int], target: tuple[str, int]) -> bool:
        """True when a datagram from `source` reaches a listener at `target`."""
        with (
            self._socket(socket.SOCK_DGRAM, target) as listener,
            self._socket(socket.SOCK_DGRAM, source) as sender,
        ):
            with suppress(PermissionError):  # what our own firewall does not let out
                sender.sendto(b"x", target)
            listener.settimeout(PATIENCE_S)
            try:
                return listener.recvfrom(16) == (b"x", source)
            except TimeoutError:
                return False

    def connection(self, source: str, target: tuple[str, int]) -> bool:
        """True when `source` can open a TCP connection to a listener at `target`."""
        with (
            self._socket(socket.SOCK_STREAM, target) as listener,
            self._socket(socket.SOCK_STREAM, (source, 0)) as caller,
        ):
            listener.listen()
            caller.settimeout(PATIENCE_S)
            try:
                caller.connect(target)
            except OSError:
                return False
            return True

    @contextmanager
    def taken_over(self, address: str) -> Iterator[None]:
        """Whoever has the desk has its firewall too; what is tried from other addresses needs nothing of the kind."""
        if address != self.hosts.desk:
            yield
            return
        self.hosts.unload_firewall(address)
        try:
            yield
        finally:
            self.hosts.load_firewall(address, self.files["desk"])

    def counted(self, address: str = EDGE) -> dict[str, int]:
        """The counters of an edge that are not zero."""
        return {name: count for name, count in self.hosts.counters(address).items() if count}

    def _socket(self, kind: socket.SocketKind, address: tuple[str, int]) -> socket.socket:
        with self.hosts.inside(address[0]):
            made = socket.socket(socket.AF_INET, kind)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(address)
            return made
