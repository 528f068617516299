"""A reader of SIP that forgives nothing: what the router lets through must be beyond doubt for whoever is behind it.

It knows RFC 3261's grammar for what a receiver acts upon (start line, Via, From, To, Call-ID, CSeq, Contact, Route, lengths) and
RFC 4566's for SDP, and shares no code with the router, the peers of the tests or the generator of bad input.
"""

from __future__ import annotations

import re
from collections import Counter

MAX_BYTES = 20_000
"""The router's own limit for what comes in, and what it adds itself."""

_TOKEN = r"[A-Za-z0-9.!%*_+`'~-]+"
_REQUEST = re.compile(rf"({_TOKEN}) ([a-z][a-z0-9+.-]*:[!-~]+) SIP/2\.0")
_STATUS = re.compile(r"SIP/2\.0 ([1-6][0-9]{2}) [\t -~\u0080-\uffff]*")
_HEADER = re.compile(rf"({_TOKEN})[ \t]*:[ \t]*(.*)", re.DOTALL)
_VIA = re.compile(
    r"(?i:SIP)/2\.0/(UDP|TCP|TLS) (\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?([ \t]*;[ \t]*[!-~]+)*"
)
_ADDRESS = re.compile(
    r"(\"([^\"\\]|\\.)*\"|[^\"<>@,;:]*)[ \t]*<[A-Za-z]+:[^<>\s\"]+>(\s*;[^<>\r\n]*)*|[A-Za-z]+:[^<>\s\",;?]+(\s*;[^<>\r\n]*)*"
)
_COMPACT = {
    "v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length", "c": "content-type",
}  # fmt: skip
_ONCE = ("from", "to", "call-id", "cseq", "content-length", "content-type", "max-forwards")
_SDP_LINE = re.compile(r"[a-z]=[^\x00\r\n]*")
_CONNECTION = re.compile(r"c=IN IP[46] [0-9A-Fa-f:.]+")
_MEDIA = re.compile(r"m=[A-Za-z]+ ([0-9]{1,5})(/[0-9]+)? [A-Za-z/]+( [!-~]+)+")


def split(data: bytes) -> tuple[str, list[tuple[str, str]], bytes]:
    """Start line, headers (unfolded, long lower-case names) and body; names that are none come as they are."""
    head, _, body = data.partition(b"\r\n\r\n")
    text = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "replace"))
    start, *lines = text.split("\r\n")
    headers = []
    for line in lines:
        found = _HEADER.fullmatch(line)
        name, value = (found[1].lower(), found[2].strip()) if found else (line, "")
        headers.append((_COMPACT.get(name, name), value))
    return start, headers, body


def faults(data: bytes, media: str) -> list[str]:
    """Everything that is wrong with one message; `media` is the only address an SDP may show."""
    wrong = []
    if len(data) > MAX_BYTES:
        wrong.append(f"{len(data)} bytes")
    head = data.partition(b"\r\n\r\n")[0]
    if re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n", head):
        wrong.append("a control character in the headers")
    start, headers, body = split(data)
    request, status = _REQUEST.fullmatch(start), _STATUS.fullmatch(start)
    if not request and not status:
        wrong.append(f"start line {start[:60]!r}")
    wrong += [f"no header: {name[:60]!r}" for name, _ in headers if not re.fullmatch(_TOKEN, name)]
    count = Counter(name for name, _ in headers)
    wrong += [f"{count[name]} times {name}" for name in _ONCE if count[name] > 1]
    wrong += [f"no {name}" for name in ("via", "from", "to", "call-id", "cseq") if not count[name]]
    for name, value in headers:
        wrong += _value_faults(name, value, request[1] if request else None)
    lengths = [value for name, value in headers if name == "content-length"]
    if lengths and lengths[0] != str(len(body)):
        wrong.append(f"Content-Length {lengths[0]!r} of {len(body)} bytes")
    types = [value.partition(";")[0].strip().lower() for name, value in headers if name == "content-type"]
    if body and not types:
        wrong.append("a body without a type")
    if types[:1] == ["application/sdp"] and body:
        wrong += _sdp_faults(body, media)
    return wrong


def _value_faults(name: str, value: str, method: str | None) -> list[str]:
    good = True
    if name == "via":
        good = all(_VIA.fullmatch(one.strip()) for one in value.split(","))
    elif name in ("from", "to"):
        good = _ADDRESS.fullmatch(value) is not None
    elif name == "contact":
        good = value == "*" or _ADDRESS.fullmatch(value) is not None
    elif name == "call-id":
        good = re.fullmatch("[!-~]{1,300}", value) is not None
    elif name == "cseq":
        found = re.fullmatch(rf"([0-9]{{1,10}})[ \t]+({_TOKEN})", value)
        good = found is not None and int(found[1]) < 2**31 and method in (None, found[2])
    elif name == "max-forwards":
        good = value.isdigit() and int(value) <= 255
    return [] if good else [f"{name}: {value[:80]!r}"]


def _sdp_faults(body: bytes, media: str) -> list[str]:
    text = body.decode("utf-8", "replace")
    lines = [line for line in text.replace("\r\n", "\n").split("\n") if line]
    wrong = [f"SDP line {line[:60]!r}" for line in lines if not _SDP_LINE.fullmatch(line)]
    if lines[:1] != ["v=0"]:
        wrong.append("SDP without v=0")
    for line in lines:
        if line.startswith("c=") and (
            not _CONNECTION.fullmatch(line) or line.split()[2] not in (media, "0.0.0.0")
        ):
            wrong.append(f"SDP points elsewhere: {line[:60]!r}")
        if line.startswith("m="):
            found = _MEDIA.fullmatch(line)
            if found is None or int(found[1]) > 65535:
                wrong.append(f"SDP media {line[:60]!r}")
    return wrong
