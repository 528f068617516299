"""A known peer that opens calls without end, as a process of its own: `python -m tests.support.flood_sender < JOB > RESULT`.

JOB is JSON: `source` [host, port], `edge` [host, port], `invite` (an INVITE in base64, in which NAME stands for what is each call's own),
`rate` (a second). It ends on SIGTERM. RESULT is JSON: `sent`, `seconds` and `answers` {status: how many}. What is refused is ACKed, as RFC 3261
17.1.1.3 says; nothing is said twice. A sender that cannot keep its rate sends less, and says so in `sent`.
"""

from __future__ import annotations

import base64
import json
import secrets
import signal
import socket
import sys
import threading
import time
from collections import Counter

NAME = b"NAME"


def run(job: dict[str, object]) -> dict[str, object]:
    invite = base64.b64decode(str(job["invite"]))
    edge: tuple[str, int] = tuple(job["edge"])  # type: ignore[arg-type,assignment]
    rate = float(str(job["rate"]))
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    answers: Counter[str] = Counter()
    run_name, sent = secrets.token_hex(4), 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        peer.bind(tuple(job["source"]))  # type: ignore[arg-type]
        peer.setblocking(False)
        started = time.monotonic()
        while not over.is_set():
            passed = time.monotonic() - started
            while sent < passed * rate:
                peer.sendto(invite.replace(NAME, f"{run_name}-{sent}".encode()), edge)
                sent += 1
            _hear(peer, edge, invite, answers)
            time.sleep(0.002)
        time.sleep(0.3)
        _hear(peer, edge, invite, answers)
    return {"sent": sent, "seconds": passed, "answers": answers}


def _hear(peer: socket.socket, edge: tuple[str, int], invite: bytes, answers: Counter[str]) -> None:
    """Everything that has come."""
    while True:
        try:
            data = peer.recv(65535)
        except BlockingIOError:
            return
        status = data[8:11].decode("ascii", "replace")
        answers[status] += 1
        if status >= "300":
            peer.sendto(_ack(invite, data), edge)


def _ack(invite: bytes, reply: bytes) -> bytes:
    """The INVITE's own branch, and the To that the reply gave it."""
    first = invite.split(b"\r\n", 1)[0].replace(b"INVITE ", b"ACK ", 1)
    kept = reply.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    lines = [
        first,
        *(line for line in kept if line.lower().startswith((b"via:", b"from:", b"to:", b"call-id:"))),
    ]
    number = next(line for line in kept if line.lower().startswith(b"cseq:"))
    return b"\r\n".join(
        [*lines, number.replace(b"INVITE", b"ACK"), b"Max-Forwards: 60", b"Content-Length: 0", b"", b""]
    )


if __name__ == "__main__":
    json.dump(run(json.load(sys.stdin)), sys.stdout)
