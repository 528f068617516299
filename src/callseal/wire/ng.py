"""The ng control protocol of rtpengine: bencode and the cookie in front of it.

A message is one datagram, ``cookie SP bencoded-dictionary``; the reply carries the same cookie. Source:
rtpengine ``docs/ng_control_protocol.md``. Only the byte layout lives here; which commands may be sent, and where, is
decided by those who send them.

Bencode knows integers, byte strings, lists and dictionaries. Byte strings become ``str`` (UTF-8, with
``surrogateescape`` so that any SDP survives the round trip); ``bool`` is refused, because rtpengine reads neither
``i1e`` nor ``true`` as a flag.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

NgValue: TypeAlias = "int | str | Sequence[NgValue] | Mapping[str, NgValue]"
"""What may be sent: integers, text, lists and dictionaries of these."""

NgReply: TypeAlias = "int | str | list[NgReply] | dict[str, NgReply]"
"""What is read back."""

MAX_DEPTH = 32
"""Nesting deeper than this is refused: a ``query`` reply needs eight levels."""

MAX_DATAGRAM = 65_507
"""The largest UDP payload over IPv4 (RFC 768); a longer command is refused before it is sent."""

_MAX_INTEGER_DIGITS = 20  # 64 bits, with sign
_COOKIE_LIMIT = 255


class NgSyntaxError(ValueError):
    """The bytes are no bencode, or no ng message. Says where, never what: the bytes may hold an SDP with keys."""


def bencode(value: NgValue) -> bytes:
    """Encode one value. Dictionary keys are written in byte order, as bencode asks."""
    out: list[bytes] = []
    _write(value, out, 0)
    return b"".join(out)


def bdecode(data: bytes) -> NgReply:
    """Decode exactly one value; trailing bytes are an error."""
    value, end = _read(data, 0, 0)
    if end != len(data):
        raise NgSyntaxError(f"{len(data) - end} bytes too many at offset {end}")
    return value


def encode_message(cookie: str, body: Mapping[str, NgValue]) -> bytes:
    """Build one datagram. The cookie must be printable ASCII without space, 1 to 255 characters."""
    if not _is_cookie(cookie):
        raise ValueError("cookie must be 1..255 printable ASCII characters without space")
    datagram = cookie.encode("ascii") + b" " + bencode(body)
    if len(datagram) > MAX_DATAGRAM:
        raise ValueError(f"ng message of {len(datagram)} bytes does not fit one datagram")
    return datagram


def decode_message(datagram: bytes) -> tuple[str, dict[str, NgReply]]:
    """Split one datagram into cookie and dictionary."""
    head, space, payload = datagram.partition(b" ")
    if not space:
        raise NgSyntaxError("no space after the cookie")
    try:
        cookie = head.decode("ascii")
    except UnicodeDecodeError:
        raise NgSyntaxError("cookie is not ASCII") from None
    if not _is_cookie(cookie):
        raise NgSyntaxError("cookie is empty, too long or not printable")
    body = bdecode(payload)
    if not isinstance(body, dict):
        raise NgSyntaxError("payload is not a dictionary")
    return cookie, body


def _is_cookie(cookie: str) -> bool:
    return 0 < len(cookie) <= _COOKIE_LIMIT and all("!" <= character <= "~" for character in cookie)


def _text(value: str) -> bytes:
    raw = value.encode("utf-8", "surrogateescape")
    return b"%d:%s" % (len(raw), raw)


def _write(value: NgValue, out: list[bytes], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, bool):
        raise TypeError("bencode has no booleans")
    if isinstance(value, int):
        out.append(b"i%de" % value)
    elif isinstance(value, str):
        out.append(_text(value))
    elif isinstance(value, Mapping):
        out.append(b"d")
        for key in sorted(value, key=lambda name: name.encode("utf-8", "surrogateescape")):
            out.append(_text(key))
            _write(value[key], out, depth + 1)
        out.append(b"e")
    elif not isinstance(value, bytes | bytearray | memoryview) and isinstance(value, Sequence):
        out.append(b"l")
        for item in value:
            _write(item, out, depth + 1)
        out.append(b"e")
    else:
        raise TypeError(f"bencode has no {type(value).__name__}")


def _read(data: bytes, at: int, depth: int) -> tuple[NgReply, int]:
    if depth > MAX_DEPTH:
        raise NgSyntaxError(f"nested deeper than {MAX_DEPTH} at offset {at}")
    lead = data[at : at + 1]
    if lead == b"i":
        return _read_integer(data, at)
    if lead.isdigit():
        return _read_text(data, at)
    if lead == b"l":
        return _read_list(data, at, depth)
    if lead == b"d":
        return _read_dictionary(data, at, depth)
    raise NgSyntaxError(f"no value at offset {at}")


def _read_integer(data: bytes, at: int) -> tuple[int, int]:
    end = data.find(b"e", at + 1, at + 2 + _MAX_INTEGER_DIGITS)
    digits = data[at + 1 : end] if end > 0 else b""
    unsigned = digits.removeprefix(b"-")
    if not unsigned.isdigit() or (unsigned != b"0" and unsigned.startswith(b"0")) or digits == b"-0":
        raise NgSyntaxError(f"bad integer at offset {at}")
    return int(digits), end + 1


def _read_text(data: bytes, at: int) -> tuple[str, int]:
    colon = data.find(b":", at, at + _MAX_INTEGER_DIGITS)
    size = data[at:colon] if colon > 0 else b""
    if not size.isdigit() or (size != b"0" and size.startswith(b"0")):
        raise NgSyntaxError(f"bad string length at offset {at}")
    end = colon + 1 + int(size)
    if end > len(data):
        raise NgSyntaxError(f"string at offset {at} ends after the message")
    return data[colon + 1 : end].decode("utf-8", "surrogateescape"), end


def _read_list(data: bytes, at: int, depth: int) -> tuple[list[NgReply], int]:
    items: list[NgReply] = []
    at += 1
    while data[at : at + 1] != b"e":
        item, at = _read(data, at, depth + 1)
        items.append(item)
    return items, at + 1


def _read_dictionary(data: bytes, at: int, depth: int) -> tuple[dict[str, NgReply], int]:
    # rtpengine writes its keys in the order it adds them, so neither order nor uniqueness is demanded here;
    # of two equal keys the first wins, as it does in the daemon's own lookup.
    entries: dict[str, NgReply] = {}
    at += 1
    while data[at : at + 1] != b"e":
        if not data[at : at + 1].isdigit():
            raise NgSyntaxError(f"dictionary key at offset {at} is no string")
        key, at = _read_text(data, at)
        value, at = _read(data, at, depth + 1)
        entries.setdefault(key, value)
    return entries, at + 1
