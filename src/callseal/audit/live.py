"""A live audit of what goes to the agent's side, and of nothing else: in memory, nothing is written but the verdict.

The socket's filter lets in UDP to that one address, arriving or leaving; the customer's leg is not looked at. There is no signalling of the partner in it, so when
the line was secured must be said, or the whole time is judged.
"""

from __future__ import annotations

import hashlib
import select
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from callseal.audit.audit import Audited, Options, judge
from callseal.audit.doubts import CaptureFile
from callseal.audit.observer import Observer
from callseal.audit.tap import Tap
from callseal.wire.ip import RAW
from callseal.wire.pcap_stream import Frame

LARGEST_DATAGRAM = 65535
LOOK_S = 0.2
LOOPBACK = "lo"


def listen(
    address: str,
    interface: str,
    seconds: float | None,
    options: Options,
    *,
    clock: Callable[[], float] = time.time,
    stopped: Callable[[], bool] = lambda: False,
    ready: Callable[[], None] = lambda: None,
) -> list[Audited]:
    """Listens for `seconds` (None: until `stopped`) and judges. IPv4 or IPv6, needs root. Raises `TapError`, `CaptureError`."""
    tap = Tap(address, interface, leaving=interface != LOOPBACK)
    sha = hashlib.sha256()
    counts = [0, 0]
    end = None if seconds is None else clock() + seconds

    ready()

    def frames() -> Iterator[Frame]:
        while not stopped():
            left = LOOK_S if end is None else min(end - clock(), LOOK_S)
            if left <= 0:
                return
            if not select.select([tap.socket], [], [], left)[0]:
                continue
            data = tap.socket.recv(LARGEST_DATAGRAM)
            sha.update(len(data).to_bytes(4, "big") + data)
            counts[0] += 1
            counts[1] += len(data)
            yield clock(), RAW, data

    observer = Observer(keys=options.keys)
    try:
        observer.watch(frames())
        missed = tap.missed
    finally:
        tap.close()
    problem = f"missed {missed} packets" if missed else ""
    heard = CaptureFile(f"live: {interface} to {address}", counts[1], sha.hexdigest(), counts[0], 0, problem)
    return judge(
        observer.finish(), (heard,), replace(options, agent=address), made_at=int(clock()), whole=not missed
    )
