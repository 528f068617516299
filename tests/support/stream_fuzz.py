"""Streams of SIP over TCP and TLS, good ones and bad ones: deterministic by seed.

What is in them is the corpus, mutated by `sip_fuzz`, and *markers*: OPTIONS that the edge answers with 200 when, and only when, it reads
them as a message of their own. Behind everything bad stands one, and in many a body. Where a reader must find them `stream_reader` says.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from tests.support.sip_fuzz import JUNK, OTHERS, Fuzz
from tests.support.stream_reader import FORGIVEN, part

End = Literal["keep", "half", "reset", "hang"]
CRLF = b"\r\n"
_CALL_ID = re.compile(rb"(?i)\r\ncall-id: ([^\r\n]*)")
MARKED = b"marker-"
INSIDE = b"inside-"
CARD = b"4111111111111111"
"""A public test number, in every marker and every body: it may stand in no log."""
"""What a Call-ID begins with that stands in a body."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is written, piece by piece, and how it ends: `keep` the connection, close our `half`, `reset` it, let it `hang`. `harmless`:
    odd, but nothing is wrong with it: every marker is answered and the connection stays."""

    kind: str
    pieces: tuple[bytes, ...]
    end: End = "half"
    harmless: bool = False
    slow: bool = False
    """A byte a second, beside everything else."""

    @property
    def data(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def foreign(self) -> bool:
        """Something doubtful in it has another version than SIP/2.0: the edge's Kamailio drops that before our script sees it."""
        parted = part(self.data, between=FORGIVEN)
        line = parted.rest.partition(CRLF)[0]
        return bool(parted.doubt) and not (line.startswith(b"SIP/2.0 ") or line.endswith(b" SIP/2.0"))

    def outside(self) -> set[bytes]:
        """Call-IDs of messages that seem to stand in a body and do not: one whose length says 0 has none."""
        if self.foreign:
            return {name for name in _CALL_ID.findall(self.data) if name.startswith(INSIDE)}
        named = {call_id(one) for one in part(self.data, between=FORGIVEN).messages}
        return {name for name in named if name.startswith(INSIDE)}

    def markers(self) -> set[bytes]:
        """Call-IDs of the markers that are messages of this stream; no other may be answered."""
        return {call_id(one) for one in part(self.data, between=FORGIVEN).messages if is_marker(one)}


def is_marker(message: bytes) -> bool:
    return message.startswith(b"OPTIONS sip:marker@")


def call_id(message: bytes) -> bytes:
    """b"" when there is none."""
    found = _CALL_ID.search(message)
    return found[1] if found else b""


class StreamFuzz:
    """`next()` is the next stream of a peer at `address` that speaks `transport` (`TCP`, `TLS`) to the edge at `edge`."""

    def __init__(
        self, seed: int, corpus: Sequence[bytes], *, address: str, edge: str, transport: str
    ) -> None:
        self._random = random.Random(seed)
        self._fuzz = Fuzz(seed + 1, corpus)
        self._address, self._edge, self._transport = (one.encode() for one in (address, edge, transport))
        self._count = 0
        self._seed = seed
        self._kinds: list[tuple[Callable[[], Case], int]] = [
            (self.together, 6), (self.cut, 8), (self.keep_alives, 4), (self.odd_lengths, 6), (self.bodies, 10),
            (self.half_closed, 4), (self.wrong_length, 22), (self.alike, 8), (self.line_ends, 5), (self.zeros, 5),
            (self.garbage, 7), (self.large, 3), (self.broken_off, 5), (self.mutated, 8), (self.replies, 4), (self.slow, 1),
        ]  # fmt: skip

    def next(self) -> Case:
        return self._random.choices([kind for kind, _ in self._kinds], [weight for _, weight in self._kinds])[
            0
        ]()

    def harmless(self) -> Case:
        """The same load with nothing wrong: a message as often, a new connection as often."""
        chance = self._random
        many = [self._fuzz.harmless() for _ in range(chance.choice((0, 0, 1)))]
        return self._case("harmless", b"".join([*many, self.marker(), self.marker()]), harmless=True,
                          end="half" if chance.random() < 0.6 else "keep")  # fmt: skip

    def marker(
        self, body: bytes = b"", *, inside: bool = False, first: bytes = b"", last: bytes | None = None
    ) -> bytes:
        """A good OPTIONS. `first` and `last`: headers before all others and, instead of its Content-Length, behind them."""
        self._count += 1
        name = b"%s%d-%d-%s" % (INSIDE if inside else MARKED, self._seed, self._count, self._address)
        if last is None:
            last = b"Content-Length: %d\r\n" % len(body)
        kind = b"Content-Type: text/plain\r\n" if body else b""
        return (
            b"OPTIONS sip:marker@%s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bK%s\r\n%sFrom: <sip:m@%s>;tag=m\r\nTo: <sip:e@%s>\r\n"
            b"Call-ID: %s\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 9\r\nX-Typed: %s\r\n%s%s\r\n%s"
            % (self._edge, self._transport, self._address, name, first, self._address, self._edge, name, CARD, kind, last, body)
        )  # fmt: skip

    def inner(self) -> bytes:
        """A whole message for a body: a marker, or a call of the corpus under a name that shows it."""
        if self._random.random() < 0.5:
            return self.marker(inside=True)
        self._count += 1
        name = b"Call-ID: %s%d-%d-" % (INSIDE, self._seed, self._count)
        message = self._fuzz.harmless().replace(b"Call-ID: ", name, 1) + b"Signal=%s\r\n" % CARD
        return message + self.marker(inside=True) * self._random.randrange(2)

    def _case(self, kind: str, data: bytes, *, harmless: bool = False, end: End | None = None) -> Case:
        if end is None:
            end = "keep" if harmless else "half"
        return Case(kind, (data,), end, harmless)

    # Nothing wrong with these.

    def together(self) -> Case:
        between = self._random.choice((b"", b"", CRLF, CRLF * 2, CRLF * 5))
        many = [self.marker() for _ in range(self._random.choice((2, 3, 12)))]
        return self._case("together", between.join(many), harmless=True)

    def cut(self) -> Case:
        """Two messages with a body, cut at some place or at every one."""
        data = self.marker(self.inner()) + self.marker()
        size = self._random.choice((1, 3, 17, 60, len(data)))
        if size == len(data):
            at = self._random.randrange(1, len(data))
            pieces = [data[:at], data[at:]]
        else:
            pieces = [data[at : at + size] for at in range(0, len(data), size)]
        return Case("cut", tuple(pieces), "keep", harmless=True)

    def keep_alives(self) -> Case:
        many = self._random.choice((1, 2, 3, 50, 3000))
        data = CRLF * many + self.marker() + CRLF * self._random.choice((1, 2, many)) + self.marker()
        return self._case("keep-alives", data, harmless=True)

    def odd_lengths(self) -> Case:
        body = self.inner()
        way = self._random.choice((b"l: %d", b"L:%d", b"content-length: %d", b"CONTENT-LENGTH:\t %d \t", b"l:   %d", b"Content-Length: 00%d"))  # fmt: skip
        return self._case("odd length", self.marker(body, last=way % len(body) + CRLF) + self.marker(), harmless=True)  # fmt: skip

    def bodies(self) -> Case:
        """A message in the body of one that passes the edge, or ends there."""
        body = self.inner() * self._random.choice((1, 1, 2))
        if self._random.random() < 0.5:
            return self._case("body", self.marker(body) + self.marker(), harmless=True)
        return self._case("body", with_body(self._fuzz.harmless(), body) + self.marker())

    def half_closed(self) -> Case:
        return self._case("half closed", self.marker() + self.marker(), harmless=True, end="half")

    # Something wrong with these; a marker stands behind.

    def wrong_length(self) -> Case:
        chance = self._random
        body = self.inner()
        right = len(body)
        wrong = chance.choice(
            (0, 1, right - 1, right + 1, right // 2, right * 2, 500, chance.randrange(3000))
        )
        name = chance.choice((b"Content-Length", b"l", b"content-length", b"L"))
        one, other = b"%s: %d\r\n" % (name, wrong), b"Content-Length: %d\r\n" % right
        lines = chance.choice((
            one, one + other, other + one, other * 2, b"", b"%s:\r\n" % name, b"%s:\r\n %d\r\n" % (name, right),
            b"%s: %d\r\n %d\r\n" % (name, wrong, right), b"%s: %d %d\r\n" % (name, wrong, right), b"%s: %d %d\r\n" % (name, right, wrong),
            b"%s: %d,%d\r\n" % (name, wrong, right), *(b"%s: %s\r\n" % (name, odd) for odd in (
                b"-1", b"-%d" % right, b"+%d" % right, b"0x%x" % right, b"%de0" % right, b"%d.0" % right, b"\"%d\"" % right, b"4294967296",
                b"%d" % (2**32 + right), b"%d" % (2**64 + right), b"2147483647", b"99999", b"9" * 300, b"%d;a" % right, b"x")),
        ))  # fmt: skip
        place = chance.random()
        if place < 0.3:
            data = self.marker(body, first=lines, last=b"")
        elif place < 0.5:
            data = self.marker(body, first=one)
        elif place < 0.7:
            data = with_body(self._fuzz.harmless(), body, lines)
        else:
            data = self.marker(body, last=lines)
        return self._case("wrong length", data + self.marker())

    def alike(self) -> Case:
        """A line that only some take for a Content-Length, before the right one or behind it."""
        chance = self._random
        body = self.inner()
        wrong = chance.choice((0, 1, len(body) // 2, len(body) + 200))
        line = chance.choice((b"Content_Length: %d", b"Subject: x\r\n Content-Length: %d", b"Subject: x\r\n\tl: %d", b"X-A: b\r\n  l : %d",
                              b"Subject: x\r\n content_length:%d")) % wrong  # fmt: skip
        first, last = line + CRLF, b"Content-Length: %d\r\n" % len(body)
        if chance.random() < 0.5:
            data = self.marker(body, first=first)
        elif chance.random() < 0.5:
            data = self.marker(body, last=last + first)
        else:
            data = with_body(self._fuzz.harmless(), body, chance.choice((first + last, last + first)))
        return self._case("alike", data + self.marker())

    def line_ends(self) -> Case:
        chance = self._random
        end = chance.choice((b"\n\n", b"\r\r", b"\n", b"\r", b"\r\n\r", b"\n\r\n", b"\r\r\n"))
        length = chance.choice((b"", b"Content-Length: 0\r\n"))
        hidden = self.marker(inside=True)
        data = self.marker(first=length + b"Subject: x" + end + chance.choice((hidden, b"X-B: c")) + CRLF)
        if chance.random() < 0.2:
            data = data.replace(CRLF, b"\n")
        return self._case("line ends", data + self.marker())

    def zeros(self) -> Case:
        chance = self._random
        zeros = b"\x00" * chance.choice((1, 1, 4, 200))
        data = self.marker()
        at = chance.choice((0, len(data), chance.randrange(len(data))))
        return self._case("zeros", data[:at] + zeros + data[at:] + self.marker())

    def garbage(self) -> Case:
        chance = self._random
        junk = chance.choice((*JUNK, *OTHERS, chance.randbytes(chance.randrange(1, 1400)), b"INVITE sip:x SIP/2.0\r\n", b"-------\r\n",
                              b"MSRP a SEND\r\nTo-Path: x\r\n", b"HEP3\x00\x20", b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n",
                              b"l: 0\r\n\r\n", b"\x00\x01\x00\x00\x21\x12\xa4\x42" + b"\x00" * 12))  # fmt: skip
        data = self.marker()
        at = chance.choice((0, len(data)))
        return self._case("garbage", data[:at] + junk + data[at:] + self.marker())

    def large(self) -> Case:
        """Above what passes, above what is read, and far above."""
        size = self._random.choice((12_500, 17_000, 25_000, 33_000, 70_000, 300_000))
        data = self._random.choice((self.marker(b"x" * size), self.marker(first=b"X-Long: " + b"y" * size + CRLF),
                                    self.marker(last=b"Content-Length: %d\r\n" % size)))  # fmt: skip
        return self._case("large", data + self.marker())

    def broken_off(self) -> Case:
        """Ends in the middle, by a half-closed connection or a reset; or nothing more comes; or nothing at all."""
        data = self.marker(self.inner())
        data = data[: self._random.choice((0, 1, self._random.randrange(len(data))))]
        return Case(
            "broken off", (self.marker(), data), self._random.choice(("half", "reset", "reset", "hang"))
        )

    def mutated(self) -> Case:
        """The other fuzzer's messages, as they come, and with a length that is right."""
        message = self._fuzz.next()
        if self._random.random() < 0.6:
            _, _, body = message.partition(CRLF * 2)
            message = with_body(message, body)
        return self._case("mutated", message + self.marker())

    def replies(self) -> Case:
        """Of no transaction, with a message in or behind them."""
        body = self.inner()
        wrong = self._random.choice((0, len(body), len(body) // 2))
        lines = self._random.choice((b"Content-Length: %d\r\n" % len(body), b"l: %d\r\nContent-Length: %d\r\n" % (wrong, len(body)),
                                     b"Content_Length: %d\r\nContent-Length: %d\r\n" % (wrong, len(body))))  # fmt: skip
        start = b"SIP/2.0 %d Fuzz\r\n" % self._random.choice((100, 180, 200, 486))
        return self._case("reply", start + self.marker(body, last=lines).partition(CRLF)[2] + self.marker())

    def slow(self) -> Case:
        return Case("slow", (self.marker(),), "hang", slow=True)


def with_body(message: bytes, body: bytes, lengths: bytes | None = None) -> bytes:
    """`message` with another body, and a Content-Length (or the lines `lengths`) that is right again."""
    head, _, _ = message.partition(CRLF * 2)
    if lengths is None:
        lengths = b"Content-Length: %d\r\n" % len(body)
    kept = [
        line
        for line in head.split(CRLF)
        if not line.lower().startswith((b"content-length", b"content-type", b"l:"))
    ]
    return CRLF.join(kept) + CRLF + b"Content-Type: text/plain\r\n" + lengths + CRLF + body
