"""Sends good and bad streams from known peers, as a process of its own: `python -m tests.support.stream_sender < JOB > RESULT`.

JOB is JSON: `good` (harmless streams only: the same load), `seed`, `count` (messages), `peers` [{`source`, `edge` [host, port], `tls` [folder,
name] or null, `corpus` [message in base64, ...]}, ...]. RESULT is JSON: `sent` messages in `streams` over `connections`, `answered`
markers, `closed` (streams that the edge ended), `seconds`, `probes_ms` (an OPTIONS over another connection after every tenth stream),
`silent` (probes without an answer), `faults`: what `Peer.play` says (20 of them: a result
must fit into a pipe), `kinds`: how many streams of each, and `outside`: Call-IDs as in `Case.outside`.
"""

from __future__ import annotations

import base64
import contextlib
import json
import random
import select
import socket
import ssl
import struct
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.support.stream_fuzz import INSIDE, MARKED, Case, StreamFuzz, call_id
from tests.support.stream_reader import Parted, part
from tests.support.tls_peer import context
from tests.support.tls_records import SPOILT, Records, crumbs

WAIT_S = 3.0
HANGING = 12
"""Connections of a peer that say nothing, or a byte a second, at any time."""


def forget_errors() -> None:
    """Empty OpenSSL's queue of this thread, which a failed read leaves full: Python does so when no cipher has the name it is given."""
    with contextlib.suppress(ssl.SSLError):
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).set_ciphers("none of that name")


class Connection:
    """One stream to the edge; what the edge says on it is `heard`."""

    def __init__(self, edge: tuple[str, int], tls: ssl.SSLContext | None, source: str) -> None:
        plain = socket.create_connection(edge, timeout=WAIT_S, source_address=(source, 0))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = plain if tls is None else tls.wrap_socket(plain)
        self._socket.setblocking(False)
        self.heard = b""
        self.ended = False

    def write(self, data: bytes) -> None:
        """As much of it as the edge takes; it may end the connection, which is no error here."""
        deadline = time.monotonic() + WAIT_S
        while data and not self.ended and time.monotonic() < deadline:
            try:
                data = data[self._socket.send(data) :]
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
                self.read(0.01)
            except OSError:
                self.ended = True

    def read(self, wait_s: float) -> None:
        """What has come, or what comes within that time."""
        while True:
            try:
                more = self._socket.recv(65_535)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
                if not wait_s or not select.select([self._socket], [], [], wait_s)[0]:
                    return
                continue
            except BrokenPipeError:
                # A half-closed TLS connection cannot say goodbye, and OpenSSL (3.5) would tell it to each one that is read from now on.
                forget_errors()
                more = b""
            except OSError:
                more = b""
            if not more:
                self.ended = True
                return
            self.heard += more
            wait_s = 0

    def half_close(self) -> None:
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_WR)

    def close(self, *, reset: bool = False) -> None:
        if reset:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()


def answered(heard: Parted) -> set[bytes]:
    """Call-IDs of ours that a 200 names. (Others are of the corpus, relayed.)"""
    named = {call_id(one) for one in heard.messages if one.startswith(b"SIP/2.0 200 ")}
    return {name for name in named if name.startswith((MARKED, INSIDE))}


class Peer:
    """One known peer's streams."""

    def __init__(self, job: dict[str, Any], seed: int) -> None:
        self._source, self._edge = job["source"], tuple(job["edge"])
        self._tls = None if job["tls"] is None else context(Path(job["tls"][0]), job["tls"][1], server=False)
        corpus = [base64.b64decode(message) for message in job["corpus"]]
        self._random = random.Random(seed)
        self.fuzz = StreamFuzz(
            seed, corpus, address=self._source, edge=self._edge[0], transport="TLS" if self._tls else "TCP"
        )
        self._open: Connection | None = None
        self._hanging: list[tuple[Connection, bytes]] = []
        self._dripped = time.monotonic()
        self.faults: list[str] = []
        self.outside: set[bytes] = set()
        self.connections = self.closed = self.answered = 0

    def connect(self) -> Connection:
        self.connections += 1
        return Connection(self._edge, self._tls, self._source)

    def play(self, case: Case) -> None:
        """A marker that is none of the stream's messages must not be answered; one that is, must be, or the edge ends the connection,
        which it may not do when nothing is wrong."""
        self.outside |= case.outside()
        connection, self._open = self._open or self.connect(), None
        if case.slow or case.end == "hang":
            connection.write(b"" if case.slow else case.data)
            self._hanging.append((connection, case.data if case.slow else b""))
            if len(self._hanging) > HANGING:
                self._hanging.pop(0)[0].close()
            return
        wanted = case.markers()
        for place, piece in enumerate(case.pieces):
            connection.write(piece)
            if place % 97 == 1:
                time.sleep(0.001)
        if case.end == "reset":
            connection.close(reset=True)
            return
        if case.end == "half":
            connection.half_close()
        deadline = time.monotonic() + WAIT_S
        while not connection.ended and time.monotonic() < deadline:
            connection.read(0.05)
            if case.end == "keep" and wanted <= answered(part(connection.heard)):
                break
        heard = part(connection.heard)
        self.answered += len(answered(heard))
        self._judge(case, wanted, heard, ended=connection.ended)
        if case.end == "keep" and not connection.ended:
            connection.heard = heard.rest
            self._open = connection
        else:
            self.closed += case.end == "keep"
            connection.close()

    def _judge(self, case: Case, wanted: set[bytes], heard: Parted, *, ended: bool) -> None:
        found = answered(heard)
        if found - wanted and not case.foreign:
            self._wrong(case, f"read as a message what is none: {found - wanted}")
        if case.harmless and wanted - found:
            self._wrong(case, f"not answered, ended={ended}: {wanted - found}")
        if not ended and (wanted - found or case.end == "half"):
            self._wrong(case, f"neither answered nor ended: {wanted - found}")
        if heard.doubt or (ended and heard.rest):
            self._wrong(case, f"what came back: {heard.doubt or 'broken off'} {heard.rest[:300]!r}")

    def _wrong(self, case: Case, what: str) -> None:
        self.faults.append(f"{self._source}: {case.kind}: {what}; sent {case.data[:700]!r}")

    def records(self) -> str:
        """One connection whose handshake is in crumbs, is broken off, or whose records are spoilt. What kind it was."""
        assert self._tls is not None
        self.connections += 1
        marker, hidden = self.fuzz.marker(), self.fuzz.marker(inside=True)
        records = Records(self._edge, self._tls, source=self._source, timeout_s=WAIT_S)
        kind = "?"
        try:
            kind = self._records(records, marker, hidden)
        except (OSError, ssl.SSLError) as error:
            self.faults.append(f"{self._source}: records, {kind}: {error}")
        finally:
            records.close()
        return kind

    def _records(self, records: Records, marker: bytes, hidden: bytes) -> str:
        chance = self._random
        kind = chance.choice(("crumbs", "broken off", *SPOILT, *SPOILT))
        if kind == "broken off":
            cut = chance.randrange(1, 200)

            def broken(flight: bytes) -> list[bytes]:
                records.plain.sendall(flight[:cut])
                raise InterruptedError

            with contextlib.suppress(InterruptedError):
                records.handshake(broken)
            return kind
        records.handshake(*([crumbs(chance.choice((1, 5, 100)))] if kind == "crumbs" else []))
        records.plain.sendall(records.sealed(marker))
        if not records.hear(b"200 OK"):
            self.faults.append(f"{self._source}: records, {kind}: a good marker is not answered")
        if kind != "crumbs":
            records.plain.sendall(SPOILT[kind](chance, records.sealed(hidden)))
            records.plain.shutdown(socket.SHUT_WR)
            if call_id(hidden) in records.heard():
                self.faults.append(f"{self._source}: records, {kind}: read as a message")
        return kind

    def drip(self) -> None:
        """A byte a second on each slow connection."""
        if time.monotonic() < self._dripped + 1:
            return
        self._dripped = time.monotonic()
        for place, (connection, data) in enumerate(self._hanging):
            connection.write(data[:1])
            self._hanging[place] = connection, data[1:]

    def probe(self, over: Connection) -> float | None:
        """Milliseconds until an OPTIONS over another connection, that is never ours to spoil, is answered."""
        marker = self.fuzz.marker()
        started = time.monotonic()
        over.write(marker)
        while not over.ended and time.monotonic() < started + WAIT_S:
            over.read(0.05)
            heard = part(over.heard)
            over.heard = heard.rest
            if call_id(marker) in answered(heard):
                return (time.monotonic() - started) * 1000
        return None

    def close(self) -> None:
        for connection, _ in self._hanging:
            connection.close()
        if self._open is not None:
            self._open.close()


def run(job: dict[str, Any]) -> dict[str, Any]:
    chance = random.Random(job["seed"])
    peers = [Peer(one, job["seed"] + place) for place, one in enumerate(job["peers"])]
    besides = [peer.connect() for peer in peers]
    kinds: Counter[str] = Counter()
    probes: list[float] = []
    sent = silent = 0
    started = time.monotonic()
    while sent < job["count"]:
        place = chance.randrange(len(peers))
        peer = peers[place]
        if not job["good"] and job["peers"][place]["tls"] is not None and chance.random() < 0.08:
            kinds[f"records: {peer.records()}"] += 1
            sent += 2
        else:
            case = peer.fuzz.harmless() if job["good"] else peer.fuzz.next()
            kinds[case.kind] += 1
            sent += max(1, case.data.count(b" SIP/2.0\r\n"))
            peer.play(case)
        for one in peers:
            one.drip()
        if kinds.total() % 10 == 0:
            took = peer.probe(besides[place])
            if took is None:
                silent += 1
            else:
                probes.append(took)
    seconds = time.monotonic() - started
    for peer, beside in zip(peers, besides, strict=True):
        peer.close()
        beside.close()
    return {
        "sent": sent, "streams": kinds.total(), "connections": sum(peer.connections for peer in peers),
        "answered": sum(peer.answered for peer in peers), "closed": sum(peer.closed for peer in peers), "seconds": seconds,
        "probes_ms": probes, "silent": silent, "faults": [fault for peer in peers for fault in peer.faults][:20], "kinds": kinds,
        "outside": sorted(name.decode("latin-1") for peer in peers for name in peer.outside),
    }  # fmt: skip


if __name__ == "__main__":
    json.dump(run(json.load(sys.stdin)), sys.stdout)
