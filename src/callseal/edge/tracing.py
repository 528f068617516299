"""Tracing: Kamailio builds a copy without digits and keys (`router/trace.cfg`), this looks at it again and sends it as HEP.

The second look is a list of its own: a copy with any header or SDP line that is not on it is dropped as a whole, so a mistake in
the one list does not leak through the other. Card numbers are taken out of what passes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from callseal.observe.scrubber import scrub
from callseal.wire.hep import HepError, HepPacket

PREFIX = b"trace "
_HEAD = re.compile(r"trace (\S{2,45}) (\d{1,5}) (\S{2,45}) (\d{1,5}) (-|[0-9a-f]{32})\n")
_START = re.compile(r"(SIP/2\.0 \d{3} .*|[A-Z]{3,12} [^;?]\S* SIP/2\.0)")
_HEADERS = frozenset(
    [
        "via",
        "v",
        "from",
        "f",
        "to",
        "t",
        "call-id",
        "i",
        "cseq",
        "contact",
        "m",
        "max-forwards",
        "route",
        "record-route",
        "content-type",
        "c",
        "content-length",
        "l",
        "require",
        "supported",
        "k",
        "allow",
        "rseq",
        "rack",
        "session-expires",
        "x",
        "min-se",
        "expires",
        "event",
        "o",
        "retry-after",
        "user-agent",
        "server",
    ]
)
_SDP = re.compile(
    r"[votmcb]=.*|a=(rtpmap|fmtp|ptime|maxptime|sendrecv|sendonly|recvonly|inactive|rtcp|rtcp-mux|label|mid)(:.*)?"
)
_PUBLIC_NAME = re.compile(r"session=[0-9a-f]{32}")
_FORBIDDEN = re.compile(r";(sg|rc)=|crypto|inline:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Copy:
    """A message that may leave the edge."""

    source: tuple[IPv4Address | IPv6Address, int]
    destination: tuple[IPv4Address | IPv6Address, int]
    reference: str
    text: str


def read_copy(datagram: bytes, *, token_header: str, reference_header: str) -> Copy | None:
    """The copy in a datagram of Kamailio's, None when it is not one or holds anything that may not leave."""
    try:
        text = datagram.decode("utf-8")
        head = _HEAD.match(text)
        if head is None:
            return None
        source, destination = (ip_address(head[1]), int(head[2])), (ip_address(head[3]), int(head[4]))
    except ValueError:
        return None
    message = text[head.end() :]
    headers, blank, body = message.partition("\r\n\r\n")
    start, *lines = headers.split("\r\n")
    good = (
        blank
        and _START.fullmatch(start)
        and not _FORBIDDEN.search(message)
        and all(_header_may_leave(line, token_header, reference_header) for line in lines)
        and all(_SDP.fullmatch(line) for line in body.split("\r\n")[:-1])
        and (body == "" or body.endswith("\r\n"))
    )
    return (
        Copy(source, destination, head[5].strip("-"), _without_cards(start, lines, body, token_header))
        if good
        else None
    )


def _without_cards(start: str, lines: list[str], body: str, token_header: str) -> str:
    """A header or URI on the list may hold a card number all the same. A Call-ID stays: it is what copies are found by; a token is none."""
    clean, as_they_are = scrub(body), {"call-id", "i", token_header.lower()}
    kept = [line if _name(line) in as_they_are else scrub(line) for line in lines]
    if clean != body:
        length = f"Content-Length: {len(clean.encode())}"
        kept = [length if _name(line) in ("content-length", "l") else line for line in kept]
    return "\r\n".join([scrub(start), *kept, "", clean])


def _name(line: str) -> str:
    return line.partition(":")[0].strip().lower()


def _header_may_leave(line: str, token_header: str, reference_header: str) -> bool:
    name, colon, value = line.partition(":")
    folded = name.strip().lower()
    if not colon or name[:1].isspace():
        return False
    if folded == token_header.lower():
        return _PUBLIC_NAME.fullmatch(value.strip()) is not None
    return folded in _HEADERS or folded == reference_header.lower()


class Tracer:
    """`send` takes a finished HEP packet; `refused` is told of a copy that may not leave. `agent` is the edge's `server_id`."""

    def __init__(
        self,
        *,
        agent: int,
        token_header: str,
        reference_header: str,
        now_us: Callable[[], int],
        send: Callable[[bytes], None],
        refused: Callable[[], None],
    ) -> None:
        self._agent = agent
        self._names = {"token_header": token_header, "reference_header": reference_header}
        self._now_us = now_us
        self._send = send
        self._refused = refused

    def take(self, datagram: bytes) -> None:
        copy = read_copy(datagram, **self._names)
        if copy is None:
            self._refused()
            return
        packet = HepPacket(
            source=copy.source,
            destination=copy.destination,
            at=self._now_us(),
            agent=self._agent,
            payload=copy.text.encode(),
            correlation=copy.reference,
        )
        try:
            self._send(packet.encode())
        except HepError:
            self._refused()
