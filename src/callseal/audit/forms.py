"""The forms in which a card number can stand in a file, and the search for them. Pure.

| form | what it finds |
|---|---|
| plain | the digits in a row |
| split | up to eight other characters between the digits: `4242 4242`, `4, 2, 4`, UTF-16 |
| events | one digit a line (or record), as logs of single key presses have it; a key may have several lines (`columns`) |
| media | RTP events, tones and SIP bodies inside a packet capture |
| base64 | in any alignment, line breaks allowed |
| url | percent-encoded digits or separators, up to three times over |
| hex | a hex dump, with or without blanks; character escapes (`\\x34`, `\\u0034`, `&#x34;`, `&#52;`) |
| packed | two digits a byte (BCD), for numbers of five different bytes or more |
| number | a binary integer or float, as databases keep it |
| reversed | back to front |
| security-code | three or four digits under a key that names a security code, whoever's they are |

Every search begins with a plain substring in a reduced view of the data, which C does quickly; the regular expression
that gives the place runs only where that has found something.
"""

from __future__ import annotations

import base64
import io
import re
import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from urllib.parse import unquote_to_bytes

from callseal.audit import columns
from callseal.audit.receiver import Receiver
from callseal.wire import ip
from callseal.wire.pcap_stream import CaptureReader, is_capture

MAX_BETWEEN = 8
"""Characters that may stand between two digits of a split number."""
MAX_SEPARATORS = 3
"""Different things that may stand between them."""
MAX_QUOTED = 3
"""How often a text may have been percent-encoded."""
MIN_DIFFERENT_BYTES = 5
"""A packed number of fewer different bytes is looked for in vain: BBBBBBBB is text, 40 00 … 02 part of every program."""

_NOT_DIGITS = bytes(set(range(256)) - set(b"0123456789"))
_KEYS = r"cvv2?|cvc2?|csc|cav2?|card[_ \-]?(?:verification|security)[_ \-]?(?:code|value)|security[_ \-]?(?:code|number)"
_QUOTE, _BLANK = r"""["'\\]{0,2}""", r"\s{0,2}"
# In small letters, and with the key first: so the expression finds its place four times as fast.
_SECURITY_CODE = re.compile(
    rf"(?:{_KEYS}){_QUOTE}{_BLANK}(?:[:=>]|%3d){_BLANK}{_QUOTE}([0-9]{{3,4}})(?![0-9a-z])".encode()
)


class View(Enum):
    """What the quick search looks at: everything, the digits alone, or the text without line breaks."""

    WHOLE = 0
    DIGITS = 1
    ONE_LINE = 2

    def of(self, data: bytes) -> bytes:
        if self is View.DIGITS:
            return data.translate(None, _NOT_DIGITS)
        return data.translate(None, b"\r\n") if self is View.ONE_LINE else data


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write one canary: `needle` must be in the view, then `pattern` says where."""

    name: str
    canary: int
    view: View
    needle: bytes
    pattern: re.Pattern[bytes]

    def fits(self, found: re.Match[bytes]) -> bool:
        return self.view is not View.DIGITS or _is_regular(found[0])


@dataclass(frozen=True, slots=True)
class Found:
    """`offset` -1 where there is no one place; `canary` -1 for a security code."""

    form: str
    offset: int
    canary: int


class Searcher:
    """Looks for the same canaries in one piece of data after the other."""

    def __init__(self, canaries: Sequence[str]) -> None:
        self._canaries = tuple(canaries)
        self._forms = [form for number, canary in enumerate(canaries) for form in _forms(number, canary)]

    def search(self, data: bytes) -> list[Found]:
        """Each form of each canary in `data`, at its first place."""
        found = list(self._written(data))
        found += self._encoded(data, {(one.form, one.canary) for one in found})
        codes = (code for code in _SECURITY_CODE.finditer(data.lower()) if not _is_word(data, code.start()))
        if (code := next(codes, None)) is not None:
            found.append(Found("security-code", code.start(1), -1))
        capture = is_capture(data)
        rows = _captured(data) if capture else columns.rows(data, self._canaries)
        for number, canary in enumerate(self._canaries):
            place = next((at for row, at in rows if canary in row), None)
            if place is not None:
                found.append(Found("media" if capture else "events", place, number))
        return found

    def _written(self, data: bytes) -> Iterator[Found]:
        views = {view: view.of(data) for view in View}
        for form in self._forms:
            if form.needle in views[form.view]:
                place = next(filter(form.fits, form.pattern.finditer(data)), None)
                if place is not None:
                    whole = place[0] == self._canaries[form.canary].encode()
                    yield Found(
                        "plain" if whole and form.name == "split" else form.name, place.start(), form.canary
                    )

    def _encoded(self, data: bytes, before: set[tuple[str, int]]) -> list[Found]:
        """What comes to light when percent-encoding is undone, and was not found `before`."""
        if b"%" not in data:
            return []
        decoded = data
        for _ in range(MAX_QUOTED):
            decoded = unquote_to_bytes(decoded)
        return [
            Found("url", -1, one.canary)
            for one in self._written(decoded)
            if one.form in ("plain", "split") and not before & {("plain", one.canary), ("split", one.canary)}
        ]


def _is_word(data: bytes, at: int) -> bool:
    """Whether a word goes on at that place."""
    return at > 0 and data[at - 1 : at].isalpha()


def _is_regular(written: bytes) -> bool:
    """Whether few different things stand between the digits, as when people or programs write a number.

    In machine code and tables anything does, and the digits of some number come by in the right order now and then.
    """
    return len(set(re.split(rb"[0-9]", written)[1:-1])) <= MAX_SEPARATORS


def _forms(number: int, canary: str) -> Iterator[Form]:
    def form(name: str, view: View, needle: bytes, pattern: bytes) -> Form:
        return Form(name, number, view, needle, re.compile(pattern, re.DOTALL))

    digits = [digit.encode() for digit in canary]
    between = rb"[^0-9]{0,%d}?" % MAX_BETWEEN
    yield form("split", View.DIGITS, b"".join(digits), between.join(digits))
    yield form("reversed", View.DIGITS, b"".join(digits[::-1]), between.join(digits[::-1]))
    for start in range(3):
        needle = _base64(canary, start)
        yield form("base64", View.ONE_LINE, needle, rb"(?:\r?\n)?".join(bytes([char]) for char in needle))
    # (characters of each digit, what may stand between them, how each is written)
    for needles, gap, written in (
        ([b"3" + digit for digit in digits], rb"[\s:,;]?(?:\\x|&#x)?", [b"3" + digit for digit in digits]),
        ([b"03" + digit for digit in digits], rb"[\s:,]{0,2}", [b"0[xX]3" + digit for digit in digits]),
        (
            [b"003" + digit for digit in digits],
            rb"[^0-9]{0,4}",
            [rb"\\[uU]0{0,4}003" + digit for digit in digits],
        ),
        (
            [b"%d" % ord(digit) for digit in canary],
            rb"[;,\s]{0,2}",
            [rb"&#0?%d" % ord(digit) for digit in canary],
        ),
    ):
        yield form("hex", View.DIGITS, b"".join(needles), gap.join(written))
    for needle in {*_packed(canary), *_binary(int(canary))}:
        name = "packed" if needle in _packed(canary) else "number"
        yield form(name, View.WHOLE, needle, re.escape(needle))


def _base64(canary: str, start: int) -> bytes:
    """The characters that the number alone decides when it begins `start` bytes into a group of three."""
    encoded = base64.b64encode(bytes(start) + canary.encode())
    return encoded[(start * 8 + 5) // 6 : (start + len(canary)) * 8 // 6]


def _packed(canary: str) -> set[bytes]:
    """BCD, filled up in front with 0 or behind with F."""
    even = len(canary) + len(canary) % 2
    both = {bytes.fromhex(canary.rjust(even, "0")), bytes.fromhex(canary.ljust(even, "f"))}
    return {packed for packed in both if len(set(packed)) >= MIN_DIFFERENT_BYTES}


def _binary(value: int) -> Iterator[bytes]:
    size = (value.bit_length() + 7) // 8
    if size >= 6:  # anything shorter would be found by chance
        yield value.to_bytes(size, "big")
        yield value.to_bytes(size, "little")
    yield struct.pack("<d", float(value))
    yield struct.pack(">d", float(value))


# -- captures ----------------------------------------------------------------------------------------------------------


def _captured(data: bytes) -> list[tuple[str, int]]:
    """Keys that crossed the wire in a capture: each direction and each method on its own. Raises `ValueError` when no frame can be read."""
    receivers: dict[str, Receiver] = defaultdict(Receiver)
    rows: dict[tuple[str, object, str], list[str]] = defaultdict(list)
    capture, frames = CaptureReader(io.BytesIO(data)), ip.IpReader()
    for at, (_, link, frame) in enumerate(capture):
        datagram = frames.read(link, frame)
        if datagram is None or datagram.protocol != ip.UDP:
            continue
        received = receivers[datagram.destination].datagram(float(at), datagram.source, datagram.payload)
        for key in received.keys if received is not None else ():
            rows[datagram.destination, key.talker, key.method].append(key.key)
    if capture.problem and not capture.frames:
        raise ValueError(f"the capture {capture.problem}")
    return [("".join(row), -1) for row in rows.values()]
