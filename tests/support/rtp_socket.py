"""One UDP socket with a thread that listens and a thread that talks on an absolute 20 ms clock."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from tests.support.sip_peer import family

FRAME_S = 0.02
SAMPLES = 160
RTP_HEADER_BYTES = 12


class RtpSocket:
    """Subclasses loop over `_datagrams()` in `_listen` and over `_frames()` in `_talk`, and call `_start()` when they are ready."""

    def __init__(self, address: str, port: int = 0) -> None:
        self.pace_s = FRAME_S
        """Seconds from one packet to the next; less is faster than speech."""
        self._open = True
        self._socket = socket.socket(family(address), socket.SOCK_DGRAM)
        self._socket.bind((address, port))
        self.address, self.port = self._socket.getsockname()[:2]
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._listen, self._talk)]

    def _start(self) -> None:
        for thread in self._threads:
            thread.start()

    def _listen(self) -> None:
        raise NotImplementedError

    def _talk(self) -> None:
        raise NotImplementedError

    def _datagrams(self) -> Iterator[tuple[bytes, tuple[str, int]]]:
        """What comes and may be RTP, and from where, until the end."""
        while self._open:
            try:
                data, source = self._socket.recvfrom(2048)
            except OSError:
                return
            if len(data) >= RTP_HEADER_BYTES:
                yield data, source

    def _frames(self) -> Iterator[None]:
        """Once each `pace_s`, until the end."""
        due = time.monotonic()
        while self._open:
            due += self.pace_s
            if self.pace_s < FRAME_S:  # never in bunches: rtpengine takes 50 from a socket at once
                due = max(due, time.monotonic() - 8 * self.pace_s)
            time.sleep(max(0.0, due - time.monotonic()))
            yield

    def close(self) -> None:
        self._open = False
        with socket.socket(family(self.address), socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", (self.address, self.port))
        for thread in self._threads:
            thread.join(2)
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
