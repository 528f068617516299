"""SIP messages (RFC 3261), as an onlooker reads them: start line, header fields, body. The framing on TCP is in `sip_stream`.

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
END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_TAG = re.compile(r";\s*tag\s*=\s*([^\s;,>]+)", re.IGNORECASE)


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
        end = END_OF_HEAD.search(data)
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
