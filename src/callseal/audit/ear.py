"""An ear beside a phone: it remembers what the phone received, and counts the keys in it. `ear_listener` feeds one.

    with listen("127.88.0.40") as ear:
        ear.mark("secured")
        ...
        heard = ear.heard("secured")
        assert heard.listened and heard.clean

Keys never leave it: results are counts, and `Heard.equals` compares in memory.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from callseal.audit.heard import Heard, Key, Talker, TalkerHeard, told
from callseal.audit.receiver import Received, Receiver


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
