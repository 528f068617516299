"""What an SDP in a capture offers for audio, read generously: it is somebody else's, and a slip in one line does not hide the others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address

from callseal.wire.sdp import DIRECTIONS, Media
from callseal.wire.srtp import Crypto

_BEGIN = re.compile(rb"(?m)^v=0[ \t]*\r?$")
_END = re.compile(rb"\r?\n--|\0")  # the next part of a multipart body


@dataclass(frozen=True, slots=True)
class AudioOffer:
    """One audio section that is not refused: where it is heard, codec names (upper case) by payload type, and how it is encrypted."""

    where: tuple[str, int]
    codecs: dict[int, str]
    encrypted: bool
    by_dtls: bool
    """Its keys are negotiated by DTLS (RFC 5764): no capture holds them."""
    keys: tuple[Crypto, ...] = field(repr=False)
    unreadable_keys: int


def sdp_in(body: bytes) -> bytes | None:
    """The SDP in a body, alone or as a part of it; None without."""
    found = _BEGIN.search(body)
    return None if found is None else _END.split(body[found.start() :], maxsplit=1)[0]


def audio_of(sdp: bytes) -> Iterator[AudioOffer]:
    """Every audio section of it."""
    for media in _sections(sdp.decode("utf-8", "replace")):
        if media.kind != "audio" or not media.port:
            continue
        keys: list[Crypto] = []
        unreadable = 0
        for value in media.attributes("crypto"):
            try:
                keys += Crypto.parse_all(value)
            except ValueError:
                unreadable += 1
        yield AudioOffer(
            (plain_address(media.address), media.port),
            {kind: name.partition("/")[0].upper() for kind, name in media.codecs.items()},
            "SAVP" in media.protocol.upper(),
            "TLS" in media.protocol.upper()
            or bool(media.attributes("fingerprint") and not keys and not unreadable),
            tuple(keys),
            unreadable,
        )


def plain_address(text: str) -> str:
    """An address in the form in which packets are named; what is none stays as it is."""
    try:
        return ip_address(text).compressed
    except ValueError:
        return text


def _sections(text: str) -> Iterator[Media]:
    address, direction, shared = "", "sendrecv", []
    sections: list[list[tuple[str, str]]] = []
    known = True
    for line in text.splitlines():
        kind, equals, value = line.strip().partition("=")
        parts = value.split()
        if len(kind) != 1 or not equals:
            continue
        if kind == "m":
            known = (
                len(parts) >= 4
                and parts[1].partition("/")[0].isdigit()
                and int(parts[1].partition("/")[0]) < 1 << 16
            )
            if known:
                sections.append([("m", " ".join(parts))])
            continue
        if kind == "c":
            if len(parts) < 3:
                continue
            value = " ".join(parts[:3])
        if sections and known:
            sections[-1].append((kind, value))
        elif not sections and known:
            if kind == "c":
                address = parts[2].partition("/")[0]
            elif kind == "a" and value in DIRECTIONS:
                direction = value
            elif kind == "a" and value.startswith("fingerprint:"):
                shared.append((kind, value))
    for section in sections:
        yield Media((*section, *shared), address, direction)
