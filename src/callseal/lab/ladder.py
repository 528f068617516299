"""A call's ladder, one line a move, drawn from what the SIP tap heard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from callseal.lab.sip_tap import SipMessage

COLUMNS = ("carrier", "edge", "partner", "platform")
_WIDTH = 21
_QUIET = {"ACK", "OPTIONS", "PRACK"}


@dataclass(frozen=True, slots=True)
class Pen:
    """The characters to draw with: `Pen.for_encoding` takes ASCII where the terminal has nothing better."""

    line: str = "─"
    right: str = "▶"
    left: str = "◀"
    bar: str = "│"
    media: str = "═"

    @classmethod
    def for_encoding(cls, encoding: str | None) -> Pen:
        if encoding and encoding.lower().replace("-", "") in {"utf8", "utf16"}:
            return cls()
        return cls("-", ">", "<", "|", "=")


class Ladder:
    """Turns messages into lines. `names` maps an address to one of `COLUMNS`; `token_header` is marked where it is seen."""

    def __init__(self, names: Mapping[str, str], pen: Pen, token_header: str) -> None:
        self._names = names
        self._pen = pen
        self._token = token_header.lower()
        self._start: float | None = None

    def head(self) -> str:
        """The line with the names of the columns."""
        return " " * 8 + "".join(name.ljust(_WIDTH) for name in COLUMNS).rstrip()

    def draw(self, message: SipMessage) -> str | None:
        """One line, or None for what a reader can do without (ACK, 1xx, answers to BYE)."""
        if message.method in _QUIET or (
            message.status is not None and (message.status < 200 or message.method != "INVITE")
        ):
            return None
        source, destination = self._names.get(message.source), self._names.get(message.destination)
        if source is None or destination is None or source == destination:
            return None
        if self._start is None:
            self._start = message.at
        label = message.label + (" + token" if self._token in message.headers else "")
        return f"{message.at - self._start:7.3f} {self._arrow(COLUMNS.index(source), COLUMNS.index(destination), label)}"

    def media(self, text: str) -> str:
        """A line that says where the media flows now."""
        return " " * 8 + f"{self._pen.media * 2} {text} ".ljust(_WIDTH * 3 + 1, self._pen.media)

    def _arrow(self, source: int, destination: int, label: str) -> str:
        low, high = min(source, destination), max(source, destination)
        line = [" "] * (_WIDTH * (len(COLUMNS) - 1) + 1)
        for column in range(len(COLUMNS)):
            line[column * _WIDTH] = self._pen.bar
        start, end = low * _WIDTH + 1, high * _WIDTH
        line[start:end] = list(f" {label} ".center(end - start, self._pen.line))
        if destination > source:
            line[end - 1] = self._pen.right
        else:
            line[start] = self._pen.left
        return "".join(line)
