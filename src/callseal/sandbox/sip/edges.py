"""Which of the edges answer: a request that was to go to a dead one goes to another.

A real partner finds the edges by DNS (RFC 3263) and leaves a dead one by its time-outs. This one is told their addresses and asks
each for OPTIONS a few times a second; with one edge it asks nobody.
"""

from __future__ import annotations

import secrets
import socket
import threading
import time
from collections.abc import Sequence

Hop = tuple[str, int]

EVERY_S = 0.4
PATIENCE_S = 0.3
FRESH_S = 1.0
DEAD_AFTER = 2


class Edges:
    """`hops` in order of preference. Asking happens in a thread of its own, between `start()` and `stop()`."""

    def __init__(self, hops: Sequence[Hop], *, source: str) -> None:
        self._hops = tuple(hops)
        self._source = source
        self._misses = dict.fromkeys(self._hops, 0)
        self._looking = threading.Lock()
        self._looked_at = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="edges", daemon=True)

    def start(self) -> None:
        if len(self._hops) > 1:
            self._thread.start()

    def stop(self) -> None:
        self._over.set()

    def alive(self, hop: Hop) -> Hop:
        """`hop`, or when it is a dead edge the one that was heard last: on a busy machine all may seem dead for a moment."""
        if self._misses.get(hop, 0) < DEAD_AFTER:
            return hop
        return min((hop, *self._hops), key=self._misses.__getitem__)

    def look(self) -> None:
        """Know it now: for whoever is about to send what must arrive. Blocks, up to a second when an edge is dead."""
        if len(self._hops) == 1:
            return
        with self._looking:
            if time.monotonic() - self._looked_at > FRESH_S:
                self._ask()
            if any(0 < misses < DEAD_AFTER for misses in self._misses.values()):
                self._ask()

    def _run(self) -> None:
        while not self._over.wait(EVERY_S):
            with self._looking:
                self._ask()

    def _ask(self) -> None:
        for hop in self._hops:
            self._misses[hop] = 0 if _answers(hop, self._source) else self._misses[hop] + 1
        self._looked_at = time.monotonic()


def _answers(hop: Hop, source: str) -> bool:
    name = secrets.token_hex(6)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(PATIENCE_S)
        try:
            probe.bind((source, 0))
            probe.connect(hop)
            here = "{}:{}".format(*probe.getsockname())
            probe.send(
                f"OPTIONS sip:{hop[0]}:{hop[1]} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{name};rport\r\n"
                f"From: <sip:probe@{here}>;tag={name}\r\nTo: <sip:{hop[0]}:{hop[1]}>\r\nCall-ID: {name}@{here}\r\n"
                f"CSeq: 1 OPTIONS\r\nContact: <sip:probe@{here}>\r\nMax-Forwards: 10\r\nContent-Length: 0\r\n\r\n".encode()
            )
            return probe.recv(4096).startswith(b"SIP/2.0 ")
        except OSError:
            return False
