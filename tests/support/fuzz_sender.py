"""Sends bad SIP from the addresses of known peers, as a process of its own: `python -m tests.support.fuzz_sender < JOB > RESULT`.

JOB is JSON: `good` (the corpus as it is, each under another branch: the same load without what is bad), `seed`, `count`, `edge` [host, port], `media` (the only address an SDP may show), `corpus` [[source address, message in
base64], ...]. RESULT is JSON: `sent`, `seconds`, `probes_ms` (a good OPTIONS after every batch: the router is alive, and has read
what was sent before), `silent` (probes without an answer) and `faults` of relayed replies (those that `MARK` shows to be relayed).
"""

from __future__ import annotations

import base64
import json
import random
import socket
import sys
import time

from tests.support.sip_fuzz import Fuzz
from tests.support.sip_strict import faults

BATCH = 40
PORT = 6060
MARK = b"X-Relayed: yes"


class Source:
    """One known peer's second socket: what it says is bad, and it looks at what it hears."""

    def __init__(self, address: str, edge: tuple[str, int], fuzz: Fuzz, *, good: bool = False) -> None:
        self.address = address
        self.next = fuzz.harmless if good else fuzz.next
        self._edge = edge
        self._probes = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.bind((address, PORT))

    def send(self, data: bytes) -> None:
        self._socket.sendto(data, self._edge)

    def heard(self) -> list[bytes]:
        """Everything that has come, without waiting."""
        came = []
        self._socket.setblocking(False)
        try:
            while True:
                came.append(self._socket.recv(65535))
        except BlockingIOError:
            return came

    def probe(self, heard: list[bytes]) -> float | None:
        """Milliseconds until a good OPTIONS is answered, None after two seconds."""
        self._probes += 1
        name = f"probe-{self._probes}-{self.address}"
        started = time.monotonic()
        self.send(
            f"OPTIONS sip:edge@{self._edge[0]} SIP/2.0\r\nVia: SIP/2.0/UDP {self.address}:{PORT};branch=z9hG4bK{name}\r\n"
            f"From: <sip:probe@{self.address}>;tag=p\r\nTo: <sip:edge@{self._edge[0]}>\r\nCall-ID: {name}\r\nCSeq: 1 OPTIONS\r\n"
            "Max-Forwards: 9\r\nContent-Length: 0\r\n\r\n".encode()
        )
        while (left := started + 2 - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(65535)
            except TimeoutError:
                break
            if name.encode() in data and data.startswith(b"SIP/2.0 200"):
                return (time.monotonic() - started) * 1000
            heard.append(data)
        return None

    def close(self) -> None:
        self._socket.close()


def run(job: dict[str, object]) -> dict[str, object]:
    edge: tuple[str, int] = tuple(job["edge"])  # type: ignore[arg-type,assignment]
    corpus: dict[str, list[bytes]] = {}
    for address, message in job["corpus"]:  # type: ignore[attr-defined]
        corpus.setdefault(address, []).append(base64.b64decode(message))
    seed, count = int(job["seed"]), int(job["count"])  # type: ignore[call-overload]
    sources = [
        Source(address, edge, Fuzz(seed + place, messages), good=bool(job["good"]))
        for place, (address, messages) in enumerate(sorted(corpus.items()))
    ]
    chance = random.Random(seed)
    heard: list[bytes] = []
    probes: list[float] = []
    silent = sent = 0
    started = time.monotonic()
    while sent < count:
        source = chance.choice(sources)
        for _ in range(min(BATCH, count - sent)):
            source.send(source.next())
            sent += 1
        answer = source.probe(heard)
        if answer is None:
            silent += 1
        else:
            probes.append(answer)
        for one in sources:
            heard += one.heard()
    seconds = time.monotonic() - started
    wrong = [fault for data in heard if MARK in data for fault in faults(data, str(job["media"]))]
    for source in sources:
        source.close()
    return {"sent": sent, "seconds": seconds, "probes_ms": probes, "silent": silent, "faults": wrong[:50]}


if __name__ == "__main__":
    json.dump(run(json.load(sys.stdin)), sys.stdout)
