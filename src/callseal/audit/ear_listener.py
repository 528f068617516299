"""Feeds an ear: everything that reaches a phone's address, from a packet socket, and the phone's own audio."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from callseal.audit.ear import Ear
from callseal.audit.tap import Tap, TapError

DEFAULT_PORTS = range(1024, 65536)


@contextmanager
def listen(
    address: str, *, ports: range = DEFAULT_PORTS, interface: str = "lo", feed: tuple[str, int] | None = None
) -> Iterator[Ear]:
    """An ear on everything that reaches UDP `ports` of `address`, RTP and SIP alike; with `feed`, also on a PCM feed.

    Needs root. Raises `TapError`.
    """
    tap = Tap(address, interface)
    try:
        played = _bound(feed) if feed is not None else None
    except OSError as error:
        tap.close()
        raise TapError(f"cannot listen to the feed: {error.strerror}") from None
    ear = Ear()
    listener = _Listener(ear, tap, ports, played)
    listener.start()
    ear.attach(listener)
    try:
        yield ear
    finally:
        with suppress(TapError):
            ear.settle()
        ear.attach(_Closed(listener.missed))
        listener.stop()


@dataclass(frozen=True, slots=True)
class _Closed:
    """The source of an ear that has stopped listening but still remembers."""

    missed: int

    def drain(self) -> None:
        return


def _bound(feed: tuple[str, int]) -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        one.setblocking(False)
        one.bind(feed)
    except OSError:
        one.close()
        raise
    return one


class _Listener(threading.Thread):
    """Moves datagrams from the sockets into the ear until stopped."""

    PATIENCE = 5.0
    """Seconds that `drain` and `stop` wait for a thread that should need a millisecond."""

    def __init__(self, ear: Ear, tap: Tap, ports: range, feed: socket.socket | None) -> None:
        super().__init__(name="ear", daemon=True)
        self._ear, self._tap, self._ports = ear, tap, ports
        self._caller, self._called = socket.socketpair()
        self._drained = threading.Semaphore(0)
        self._selector = selectors.DefaultSelector()
        self._selector.register(tap.socket, selectors.EVENT_READ, self._from_tap)
        self._selector.register(self._called, selectors.EVENT_READ, None)
        self._feed = feed
        if self._feed is not None:
            self._selector.register(self._feed, selectors.EVENT_READ, self._from_feed)

    @property
    def missed(self) -> int:
        return self._tap.missed

    def drain(self) -> None:
        self._caller.send(b"d")
        if not self._drained.acquire(timeout=self.PATIENCE):
            raise TapError("the ear does not keep up with what arrives")

    def run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.data is not None:
                    key.data()
                elif self._called.recv(1) == b"d":
                    self._from_tap()
                    self._from_feed()
                    self._drained.release()
                else:
                    return

    def stop(self) -> None:
        self._caller.send(b"q")
        self.join(timeout=self.PATIENCE)
        self._selector.close()
        for one in (self._caller, self._called, self._tap, self._feed):
            if one is not None:
                one.close()

    def _from_tap(self) -> None:
        """Everything that waits, so that a burst does not fill the socket."""
        with suppress(BlockingIOError):
            while True:
                datagram = self._tap.read()
                if datagram is not None and datagram.port in self._ports:
                    self._ear.datagram(datagram.source, datagram.payload)

    def _from_feed(self) -> None:
        with suppress(BlockingIOError):
            while self._feed is not None:
                data, source = self._feed.recvfrom(65535)
                self._ear.pcm(f"{source[0]}:{source[1]}", data)
