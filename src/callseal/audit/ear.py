"""An ear beside a phone: it hears what the phone receives, and counts the keys in it.

    with listen("127.88.0.40") as ear:
        ear.mark("secured")
        ...
        heard = ear.heard("secured")
        assert heard.listened and heard.clean

Keys never leave it: results are counts, and `Heard.equals` compares in memory. Run as a process of its own
(`python -m callseal.audit.ear ADDRESS`) it takes one JSON object a line on standard input (`{"do": "mark", "name": ...}`,
`{"do": "heard", "since": ..., "until": ...}`, `{"do": "quit"}`) and answers with counts.
"""

from __future__ import annotations

import argparse
import json
import selectors
import socket
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol, TextIO

from callseal.audit.heard import Heard, Key, Method, Talker, TalkerHeard, told
from callseal.audit.receiver import Received, Receiver
from callseal.audit.tap import Tap, TapError

__all__ = ["Ear", "Heard", "Method", "Talker", "TapError", "listen"]

DEFAULT_PORTS = range(1024, 65536)


@dataclass(frozen=True, slots=True)
class _Moment:
    """One datagram of media: when, from whom, and whether there was something to hear."""

    at: float
    talker: Talker
    loud: bool
    deaf: bool


@dataclass(slots=True)
class _Memory:
    keys: list[Key] = field(default_factory=list)
    moments: list[_Moment] = field(default_factory=list)
    marks: list[tuple[str, float]] = field(default_factory=list)


class Source(Protocol):
    """Who feeds an ear."""

    @property
    def missed(self) -> int:
        """Datagrams lost before anybody saw them."""

    def drain(self) -> None:
        """Returns when everything that has arrived so far has been handed over."""


class Ear:
    """Collects what a `Receiver` understood, in windows between marks. Safe to use from two threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._opened = clock()
        self._receiver = Receiver()
        self._memory = _Memory()
        self._lock = threading.Lock()
        self._source: Source | None = None

    def attach(self, source: Source | None) -> None:
        """Names who feeds this ear, to be asked for what it still holds before every mark and every answer."""
        self._source = source

    def datagram(self, source: str, data: bytes) -> None:
        """A UDP payload that arrived from `source` (`address:port`)."""
        with self._lock:
            at = self._clock()
            self._note(at, self._receiver.datagram(at, source, data))

    def pcm(self, source: str, data: bytes) -> None:
        """A frame of audio that the phone played (16-bit little-endian, 8 kHz)."""
        with self._lock:
            at = self._clock()
            self._note(at, self._receiver.pcm(at, source, data))

    def mark(self, name: str) -> None:
        """A new window begins. A name may come again; `heard` then means the last one."""
        self.settle()
        with self._lock:
            self._memory.marks.append((name, self._clock()))

    def heard(self, since: str | None = None, until: str | None = None) -> Heard:
        """What arrived from mark `since` (None: the beginning) to mark `until` (None: the next mark, or now).

        `heard()` is everything so far. Raises `KeyError` with the name of an unknown mark.
        """
        self.settle()
        with self._lock:
            begin, end = self._window(since, until)
            keys = [key for key in self._memory.keys if begin <= key.at < end]
            moments = [moment for moment in self._memory.moments if begin <= moment.at < end]
            return told(
                keys,
                _by_talker(keys, moments),
                seconds=end - begin,
                missed=self._source.missed if self._source else 0,
            )

    def settle(self) -> None:
        """Waits until what has arrived by now is decoded."""
        if self._source is not None:
            self._source.drain()

    def _window(self, since: str | None, until: str | None) -> tuple[float, float]:
        marks = self._memory.marks
        places = {name: place for place, (name, _) in enumerate(marks)}
        for name in (since, until):
            if name is not None and name not in places:
                raise KeyError(name)
        begin = self._opened if since is None else marks[places[since]][1]
        if until is not None:
            return begin, marks[places[until]][1]
        if since is not None and places[since] + 1 < len(marks):
            return begin, marks[places[since] + 1][1]
        return begin, self._clock()

    def _note(self, at: float, received: Received | None) -> None:
        if received is None:
            return
        self._memory.keys += received.keys
        if received.media:
            self._memory.moments.append(_Moment(at, received.talker, received.loud, received.deaf))


def _by_talker(keys: list[Key], moments: list[_Moment]) -> list[TalkerHeard]:
    counts: dict[Talker, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for moment in moments:
        counts[moment.talker]["packets"] += 1
        counts[moment.talker]["loud"] += moment.loud
        counts[moment.talker]["deaf"] += moment.deaf
    for key in keys:
        counts[key.talker][f"{key.method}s"] += 1
    return [TalkerHeard(talker, **each) for talker, each in counts.items()]


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


def serve(ear: Ear, commands: TextIO, answers: TextIO) -> None:
    """Answers commands until `quit` or the end of input."""
    for line in commands:
        try:
            command = json.loads(line)
            match command["do"]:
                case "mark":
                    ear.mark(str(command["name"]))
                    answer: dict[str, object] = {"marked": command["name"]}
                case "heard":
                    answer = ear.heard(command.get("since"), command.get("until")).as_dict()
                case "quit":
                    return
                case _:
                    answer = {"error": "unknown command"}
        except (ValueError, KeyError, TypeError) as error:
            answer = {"error": f"{type(error).__name__}: not understood"}
        print(json.dumps(answer), file=answers, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m callseal.audit.ear", description=__doc__.split("\n")[0])
    parser.add_argument("address", help="address of the phone to listen beside")
    parser.add_argument("--interface", default="lo")
    arguments = parser.parse_args()
    try:
        with listen(arguments.address, interface=arguments.interface) as ear:
            print("ready", file=sys.stderr, flush=True)  # noqa: T201
            serve(ear, sys.stdin, sys.stdout)
    except TapError as error:
        print(error.diagnostics(), file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
