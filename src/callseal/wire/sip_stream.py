"""SIP on TCP, as an onlooker puts it together (RFC 3261 section 18.3): segments in any order in, messages out.

Memory is bounded by what has been seen to be SIP: a connection that is something else keeps nothing.
"""

from __future__ import annotations

import re

from callseal.wire.sip import END_OF_HEAD, looks_like_sip

LARGEST_MESSAGE = 1 << 18
GAP_S = 2.0
"""A missing segment is waited for so long, by the clock of the capture."""
MOST_WAITING, MOST_WAITING_UNKNOWN = 64, 16
"""Segments behind a gap, of SIP and of what is not yet known to be SIP."""
FOREIGN_AFTER = 4096
"""Octets thrown away since the last message."""
_START = re.compile(rb"(?m)^(?:SIP/2\.0 \d{3} |[A-Z]{2,16} \S+ SIP/2\.0\r?$)")
_LENGTH = re.compile(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*(\d{1,6})")
_HALF, _WHOLE = 1 << 31, 1 << 32

Timed = tuple[float, bytes]
"""When the last octet of a message passed, and the message."""


class SipStream:
    """One direction of a connection. `lost` counts the places at which segments were missing; reading goes on at the next start line."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._waiting: dict[int, Timed] = {}
        self._text = b""
        self._foreign = 0
        self.known = False
        """A message was found."""
        self.lost = 0
        self.encrypted = False
        """The connection speaks TLS."""
        self.websocket = False
        """SIP in WebSocket frames (RFC 7118), which are not opened."""

    def feed(self, at: float, sequence: int, payload: bytes, *, opens: bool = False) -> list[Timed]:
        """The messages that became whole with this segment."""
        if opens:
            self._next, self._waiting, self._text, self._foreign = (sequence + 1) % _WHOLE, {}, b"", 0
            return []
        if not payload:
            return []
        if self.encrypted or self.websocket or self._foreign > FOREIGN_AFTER:
            if not looks_like_sip(payload):
                return []
            self._next, self._waiting, self._text = sequence, {}, b""
            self._foreign, self.encrypted, self.websocket = 0, False, False
        if self._next is None:
            self._next = sequence
        if self._ahead(sequence) <= -len(payload):
            return []  # old
        known = self._waiting.get(sequence)
        if known is None or len(known[1]) < len(payload):
            self._waiting[sequence] = (at, payload)
        found = self._join()
        while self._waiting and self._given_up(at):
            self.lost += 1
            self._text = b""
            self._next = min(self._waiting, key=self._ahead)
            found += self._join()
        return found

    def drain(self) -> list[Timed]:
        """The capture has ended: what waited behind a gap."""
        found: list[Timed] = []
        while self._waiting:
            self.lost += 1
            self._text = b""
            self._next = min(self._waiting, key=self._ahead)
            found += self._join()
        return found

    def _ahead(self, sequence: int) -> int:
        """How far `sequence` is ahead of what is wanted next; negative when it is behind."""
        ahead = (sequence - (self._next or 0)) % _WHOLE
        return ahead if ahead < _HALF else ahead - _WHOLE

    def _given_up(self, at: float) -> bool:
        if len(self._waiting) > (MOST_WAITING if self.known else MOST_WAITING_UNKNOWN):
            return True
        return at - min(since for since, _ in self._waiting.values()) > GAP_S

    def _join(self) -> list[Timed]:
        """Takes what follows without a gap; segments may overlap."""
        found: list[Timed] = []
        while self._waiting:
            sequence = min(self._waiting, key=self._ahead)
            ahead = self._ahead(sequence)
            if ahead > 0:
                break
            at, payload = self._waiting.pop(sequence)
            fresh = payload[-ahead:] if ahead else payload
            self._next = ((self._next or 0) + len(fresh)) % _WHOLE
            # A start line that is cut within its method begins with few octets.
            begins = len(self._text) > 16 and looks_like_sip(fresh) and not looks_like_sip(self._text)
            self._text = fresh if begins else self._text + fresh
            found += [(at, message) for message in self._messages()]
        return found

    def _messages(self) -> list[bytes]:
        found: list[bytes] = []
        if self._text[:1] == b"\x16" and self._text[1:2] == b"\x03":
            self.encrypted = True
        while True:
            self._text = self._text.lstrip(b"\r\n")
            if self._text and not (looks_like_sip(self._text) or len(self._text) < 256):
                self._look_for_start()
            end = END_OF_HEAD.search(self._text)
            if end is None:
                if len(self._text) > LARGEST_MESSAGE:
                    self._text = b""
                return found
            length = _LENGTH.search(self._text[: end.start()])
            whole = end.end() + (int(length[1]) if length else 0)
            if whole > LARGEST_MESSAGE:
                self._text = b""
                return found
            if len(self._text) < whole:
                return found
            message, self._text = self._text[:whole], self._text[whole:]
            if looks_like_sip(message):
                self.known, self._foreign = True, 0
                found.append(message)

    def _look_for_start(self) -> None:
        head = self._text[:2048].lower()
        if head.startswith(b"get ") and b"websocket" in head and b"sip" in head:
            self.websocket = True
        start = _START.search(self._text)
        # The last line may be the beginning of a start line.
        self._text = (
            self._text[start.start() :] if start else self._text[self._text.rfind(b"\n") + 1 :][-256:]
        )
