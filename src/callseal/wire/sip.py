"""SIP messages (RFC 3261), as an onlooker reads them: start line, header fields, body; and the framing on TCP.

Generous: a message that is not quite right is still read. Nothing here answers or decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_REQUEST = re.compile(rb"^([A-Z]{2,16}) ([^\r\n ]+) SIP/2\.0\r?\n")
_STATUS = re.compile(rb"^SIP/2\.0 (\d{3})[^\r\n]*\r?\n")
_COMPACT = {
    b"i": b"call-id",
    b"m": b"contact",
    b"e": b"content-encoding",
    b"l": b"content-length",
    b"c": b"content-type",
    b"f": b"from",
    b"t": b"to",
    b"v": b"via",
    b"s": b"subject",
    b"k": b"supported",
}
_END = re.compile(rb"\r?\n\r?\n")
_TAG = re.compile(r";\s*tag\s*=\s*([^\s;,>]+)", re.IGNORECASE)
LARGEST_MESSAGE = 1 << 18


@dataclass(frozen=True, slots=True)
class SipMessage:
    """`method` is that of the CSeq for a response; `status` 0 for a request. Header names are lower case, in long form."""

    method: str
    status: int
    uri: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False, default=b"")

    @classmethod
    def parse(cls, data: bytes) -> SipMessage:
        """Reads one message. Raises `ValueError` when it does not begin like one."""
        request, status = _REQUEST.match(data), _STATUS.match(data)
        start = request or status
        if start is None:
            raise ValueError("not a SIP message")
        end = _END.search(data)
        head, body = (
            (data[start.end() : end.start()], data[end.end() :]) if end else (data[start.end() :], b"")
        )
        headers: list[tuple[str, str]] = []
        for line in head.replace(b"\r\n", b"\n").split(b"\n"):
            if line[:1] in (b" ", b"\t") and headers:  # a folded line goes on (section 7.3.1)
                name, value = headers[-1]
                headers[-1] = (name, f"{value} {line.strip().decode('utf-8', 'replace')}")
                continue
            raw, colon, value_bytes = line.partition(b":")
            if colon:
                low = raw.strip().lower()
                headers.append(
                    (
                        _COMPACT.get(low, low).decode("ascii", "replace"),
                        value_bytes.strip().decode("utf-8", "replace"),
                    )
                )
        fields = tuple(headers)
        length = _first(fields, "content-length")
        if length.isdigit():
            body = body[: int(length)]
        if request:
            return cls(request[1].decode(), 0, request[2].decode("utf-8", "replace"), fields, body)
        assert status is not None  # noqa: S101 - one of the two matched
        method = _first(fields, "cseq").rpartition(" ")[2].strip()
        return cls(method, int(status[1]), "", fields, body)

    def header(self, name: str) -> str:
        """The first value of a header field; "" without."""
        return _first(self.headers, name)

    def all(self, name: str) -> tuple[str, ...]:
        """Every value, one a line of the message."""
        return tuple(value for key, value in self.headers if key == name)

    @property
    def call_id(self) -> str:
        return self.header("call-id")

    @property
    def cseq(self) -> int:
        """-1 when there is none."""
        number = self.header("cseq").partition(" ")[0]
        return int(number) if number.isdigit() and len(number) < 12 else -1

    @property
    def in_dialog(self) -> bool:
        return _TAG.search(self.header("to")) is not None


def _first(headers: tuple[tuple[str, str], ...], name: str) -> str:
    return next((value for key, value in headers if key == name), "")


def looks_like_sip(data: bytes) -> bool:
    """Whether a datagram begins like a SIP message. Cheap."""
    return data[:8] == b"SIP/2.0 " or (data[:1].isupper() and _REQUEST.match(data) is not None)


class SipStream:
    """The messages of one direction of a TCP connection: segments in any order in, messages out (section 18.3).

    `lost` counts the places at which segments were missing; reading goes on at the next start line.
    """

    MOST_WAITING = 64

    def __init__(self) -> None:
        self._next: int | None = None
        self._waiting: dict[int, bytes] = {}
        self._text = b""
        self.lost = 0
        self.encrypted = False
        """The connection speaks TLS."""

    def feed(self, sequence: int, payload: bytes, *, opens: bool = False) -> list[bytes]:
        """The messages that became whole with this segment."""
        if opens:
            self._next, self._waiting, self._text = (sequence + 1) & 0xFFFFFFFF, {}, b""
            return []
        if not payload:
            return []
        if self._next is None:
            self._next = sequence
        ahead = (sequence - self._next) & 0xFFFFFFFF
        if ahead >= 1 << 31:  # old: the end of it may be new
            old = (1 << 32) - ahead
            if old >= len(payload):
                return []
            payload, ahead, sequence = payload[old:], 0, self._next
        self._waiting.setdefault(sequence, payload)
        if ahead and len(self._waiting) > self.MOST_WAITING:
            self.lost += 1
            self._text = b""
            self._next = min(self._waiting, key=lambda one: (one - (self._next or 0)) & 0xFFFFFFFF)
        while self._next in self._waiting:
            part = self._waiting.pop(self._next)
            self._next = (self._next + len(part)) & 0xFFFFFFFF
            self._text += part
        return self._messages()

    def _messages(self) -> list[bytes]:
        found: list[bytes] = []
        if self._text[:1] == b"\x16" and self._text[1:2] == b"\x03":
            self.encrypted = True
        while True:
            self._text = self._text.lstrip(b"\r\n")
            if self._text and not (looks_like_sip(self._text) or len(self._text) < 256):
                start = re.search(rb"(?m)^(?:SIP/2\.0 \d{3} |[A-Z]{2,16} \S+ SIP/2\.0\r?$)", self._text)
                self._text = self._text[start.start() :] if start and start.start() else b""
            end = _END.search(self._text)
            if end is None:
                if len(self._text) > LARGEST_MESSAGE:
                    self._text = b""
                return found
            length = re.search(
                rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*(\d{1,6})", self._text[: end.start()]
            )
            whole = end.end() + (int(length[1]) if length else 0)
            if len(self._text) < whole:
                return found
            found.append(self._text[:whole])
            self._text = self._text[whole:]
