"""How a stream is parted into SIP messages by the letter (RFC 3261 sections 7 and 18.3), and where it cannot be.

*Doubt* is what two readers may part differently: no length or two of them, a line that some take for one, a line that does not end in CR
LF, a NUL. Behind a doubt nothing may be read as a message, and nothing doubtful may be sent. It shares no code with the router, whose
`lengths.cfg` says the same, nor with the peers of the tests.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

BLANK_LINES = b"\r\n"
"""What may stand between two messages (RFC 3261 7.5; keep-alives, RFC 5626 3.5.1)."""
FORGIVEN = b"\r\n \t"
"""The edge skips blanks there, too."""

_LENGTH = re.compile(rb"(?i)(?:content-length|l)[ \t]*:(.*)", re.DOTALL)
_ALIKE = re.compile(rb"(?i)(?:[ \t]+(?:content[-_]length|l)|content_length)[ \t]*:")
"""Kamailio's reader takes the first such line for a Content-Length, folded or not, and an underscore for a hyphen."""
_NUMBER = re.compile(rb"[ \t]*([0-9]+)[ \t]*")


@dataclass(frozen=True, slots=True)
class Parted:
    """`messages`, each whole; `rest` is what follows: the beginning of one, or, when `doubt` says why, what no reader can be sure of."""

    messages: tuple[bytes, ...]
    rest: bytes
    doubt: str = ""


def part(data: bytes, *, between: bytes = BLANK_LINES) -> Parted:
    """All of `data`; `between` are the bytes that may stand between two messages."""
    messages: list[bytes] = []
    while rest := data.lstrip(between):
        head, end, behind = rest.partition(b"\r\n\r\n")
        if not end:
            return Parted(tuple(messages), rest)
        length, doubt = length_of(head)
        if doubt:
            return Parted(tuple(messages), rest, doubt)
        if len(behind) < length:
            return Parted(tuple(messages), rest)
        messages.append(head + end + behind[:length])
        data = behind[length:]
    return Parted(tuple(messages), b"")


def length_of(head: bytes) -> tuple[int, str]:
    """Length of the body behind `head` (without its empty line), and why that is not sure ("" when it is)."""
    lines = head.split(b"\r\n")
    if any(byte in line for line in lines for byte in (b"\r", b"\n", b"\x00")):
        return 0, "a line that does not end in CR LF, or a NUL"
    if any(_ALIKE.match(line) for line in lines):
        return 0, "a line that some take for a Content-Length"
    found = [(place, one[1]) for place, line in enumerate(lines) if (one := _LENGTH.fullmatch(line))]
    if len(found) != 1:
        return 0, f"{len(found)} lengths"
    ((place, value),) = found
    number = _NUMBER.fullmatch(value)
    folded = place + 1 < len(lines) and lines[place + 1].startswith((b" ", b"\t"))
    if number is None or folded:
        return 0, "a length that is no number"
    return int(number[1]), ""


@dataclass(slots=True)
class Listener:
    """Reads one direction of one connection as its bytes come: `messages` so far, `doubt` for ever."""

    messages: list[bytes] = field(default_factory=list)
    doubt: str = ""
    _rest: bytes = b""

    def feed(self, data: bytes) -> None:
        if self.doubt:
            return
        parted = part(self._rest + data)
        self.messages += parted.messages
        self._rest, self.doubt = parted.rest, parted.doubt
        if self.doubt:
            self.doubt += f" in {parted.rest[:400]!r}"
