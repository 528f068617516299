"""A SIP peer made of one UDP socket: it says exactly what a test tells it to, and keeps everything it hears.

No transaction layer and no retransmissions: on loopback nothing is lost, and a test wants to see each message once.
`OPTIONS` (the edge's probe) is answered by itself unless the peer is `mute`. Requests are shown once, retransmissions
(the same branch and method) are dropped; replies are shown as they come.
"""

from __future__ import annotations

import itertools
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

EDGE_PORT = 5060
WAIT_S = 3.0


@dataclass(frozen=True, slots=True)
class Message:
    """One SIP message: start line, headers in order, body."""

    start: str
    headers: tuple[tuple[str, str], ...]
    body: str = ""

    @classmethod
    def parse(cls, data: bytes) -> Message:
        head, _, body = data.decode("utf-8").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        headers = tuple(
            (name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)
        )
        return cls(start, headers, body)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name: str) -> str:
        """The first header of that name, "" when there is none."""
        return next(iter(self.all(name)), "")

    @property
    def is_request(self) -> bool:
        return not self.start.startswith("SIP/2.0")

    @property
    def status(self) -> int:
        """Status of a reply, 0 of a request."""
        return 0 if self.is_request else int(self.start.split(" ")[1])

    @property
    def method(self) -> str:
        """Method of a request, or that of the request a reply belongs to."""
        return self.get("CSeq").split(" ")[1]

    @property
    def cseq(self) -> int:
        """CSeq number, -1 when it is none."""
        number = self.get("CSeq").split(" ")[0]
        return int(number) if number.isdigit() else -1

    @property
    def uri(self) -> str:
        return self.start.split(" ")[1]

    @property
    def call_id(self) -> str:
        return self.get("Call-ID")

    @property
    def branch(self) -> str:
        return self.get("Via").partition("branch=")[2].partition(";")[0]

    @property
    def text(self) -> str:
        """The whole message, to look for what must not be in it."""
        return "\r\n".join((self.start, *(f"{name}: {value}" for name, value in self.headers), "", self.body))


def family(address: str) -> socket.AddressFamily:
    """IPv6 is what has a colon."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def tag_of(value: str) -> str:
    return value.partition(";tag=")[2].partition(";")[0]


def uri_of(value: str) -> str:
    return value.partition("<")[2].partition(">")[0] if "<" in value else value.partition(";")[0]


class SipPeer:
    """One side of the edge: carrier, partner or platform."""

    transport = "UDP"

    def __init__(self, address: str, edge: str, *, port: int = 5060) -> None:
        self.address = address
        self.port = port
        self.edge = (edge, EDGE_PORT)
        self.mute = False
        self.intercept: Callable[[bytes], bool] | None = None
        """Sees every datagram first; True: it has dealt with it."""
        self.heard: list[Message] = []
        self.unreadable: list[bytes] = []
        self._taken: set[int] = set()
        self._seen: set[tuple[str, str]] = set()
        self._news = threading.Condition()
        self._socket = socket.socket(family(address), socket.SOCK_DGRAM)
        self._socket.bind((address, port))
        self._open = True
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def contact(self) -> str:
        return f"<sip:peer@{self.host}:{self.port}>"

    @property
    def host(self) -> str:
        """The address as a URI has it."""
        return f"[{self.address}]" if ":" in self.address else self.address

    def send(self, message: str) -> None:
        self.send_bytes(message.encode())

    def send_bytes(self, data: bytes) -> None:
        self._socket.sendto(data, self.edge)

    def _listen(self) -> None:
        while self._open:
            try:
                data, _ = self._socket.recvfrom(65535)
            except OSError:
                return
            if not data:
                return
            if self.intercept is not None and self.intercept(data):
                continue
            try:
                self._take(Message.parse(data))
            except (IndexError, UnicodeDecodeError):
                # An answer to what a test sent malformed.
                self.unreadable.append(data)

    def _take(self, message: Message) -> None:
        if message.is_request and message.method == "OPTIONS":
            if not self.mute:
                self.reply(message, 200)
            return
        key = (message.branch, message.method)
        with self._news:
            if message.is_request and key in self._seen:
                return
            if message.is_request:
                self._seen.add(key)
            self.heard.append(message)
            self._news.notify_all()

    def expect(self, want: Callable[[Message], bool], what: str, timeout_s: float = WAIT_S) -> Message:
        """The first message not yet taken that fits; `AssertionError` names `what` and shows what came instead."""
        deadline = time.monotonic() + timeout_s
        with self._news:
            while True:
                for index, message in enumerate(self.heard):
                    if index not in self._taken and want(message):
                        self._taken.add(index)
                        return message
                left = deadline - time.monotonic()
                if left <= 0:
                    came = [
                        message.start for index, message in enumerate(self.heard) if index not in self._taken
                    ]
                    raise AssertionError(f"{self.address}: no {what} in {timeout_s} s; untaken: {came}")
                self._news.wait(left)

    def expect_request(self, method: str, timeout_s: float = WAIT_S) -> Message:
        return self.expect(lambda m: m.is_request and m.method == method, method, timeout_s)

    def untaken(self, method: str) -> list[Message]:
        """Requests of that method that no test has taken: what came without being wanted."""
        with self._news:
            return [
                m
                for i, m in enumerate(self.heard)
                if i not in self._taken and m.is_request and m.method == method
            ]

    def reply(
        self,
        request: Message,
        status: int,
        *,
        tag: str = "",
        sdp: str = "",
        headers: tuple[str, ...] = (),
        body: str = "",
        content_type: str = "application/sdp",
    ) -> None:
        """Answer `request` with its own Via, From, To (plus `tag`), Call-ID, CSeq and Record-Route."""
        to = request.get("To")
        if tag and ";tag=" not in to:
            to += f";tag={tag}"
        lines = [f"SIP/2.0 {status} Test"]
        lines += [f"Via: {via}" for via in request.all("Via")]
        lines += [f"Record-Route: {route}" for route in request.all("Record-Route")]
        lines += [
            f"From: {request.get('From')}",
            f"To: {to}",
            f"Call-ID: {request.call_id}",
            f"CSeq: {request.get('CSeq')}",
        ]
        lines += [f"Contact: {self.contact}", *headers]
        self.send(_with_body(lines, sdp or body, content_type))

    def close(self) -> None:
        self._open = False
        with socket.socket(family(self.address), socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", (self.address, self.port))
        self._thread.join(2)
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(slots=True)
class Dialog:
    """One dialog as one peer sees it. `open` starts it as UAC, `Dialog.of` takes an INVITE as UAS."""

    peer: SipPeer
    call_id: str
    local: str
    remote: str
    target: str
    routes: list[str] = field(default_factory=list)
    cseq: int = 0
    invite: Message | None = None
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @classmethod
    def new(
        cls, peer: SipPeer, to: str, *, call_id: str = "", user: str = "+447700900123", tag: str = ""
    ) -> Dialog:
        return cls(
            peer=peer,
            call_id=call_id or f"{secrets.token_hex(8)}.x=1@{peer.host}",
            local=f"<sip:{user}@{peer.host}>;tag={tag or 'l.' + secrets.token_hex(4)}",
            remote=f"<{to}>",
            target=to,
        )

    @classmethod
    def of(cls, peer: SipPeer, invite: Message, tag: str = "") -> Dialog:
        return cls(
            peer=peer,
            call_id=invite.call_id,
            local=f"{invite.get('To')};tag={tag or 'r.' + secrets.token_hex(4)}",
            remote=invite.get("From"),
            target=uri_of(invite.get("Contact")),
            routes=invite.all("Record-Route"),
            cseq=100,
            invite=invite,
        )

    @property
    def tag(self) -> str:
        return tag_of(self.local)

    def request(
        self,
        method: str,
        *,
        sdp: str = "",
        headers: tuple[str, ...] = (),
        body: str = "",
        content_type: str = "application/sdp",
        cseq: int = 0,
        branch: str = "",
    ) -> int:
        """Send a request of this dialog; returns its CSeq number."""
        if not cseq:
            self.cseq += 1
            cseq = self.cseq
        self.peer.send(self._text(method, cseq, branch, headers, sdp or body, content_type))
        return cseq

    def text(self, method: str) -> bytes:
        """What `request` would send, without sending it."""
        return self._text(method, self.cseq + 1, "", (), "", "").encode()

    def _text(
        self,
        method: str,
        cseq: int,
        branch: str,
        headers: tuple[str, ...],
        body: str,
        content_type: str,
    ) -> str:
        host = f"{self.peer.host}:{self.peer.port}"
        lines = [
            f"{method} {self.target} SIP/2.0",
            f"Via: SIP/2.0/{self.peer.transport} {host};branch={branch or 'z9hG4bK' + secrets.token_hex(8)}",
            f"From: {self.local}",
            f"To: {self.remote}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {cseq} {method}",
            f"Contact: {self.peer.contact}",
            "Max-Forwards: 60",
            *(f"Route: {route}" for route in self.routes),
            *headers,
        ]
        return _with_body(lines, body, content_type)

    def answered(self, cseq: int, method: str = "INVITE", timeout_s: float = 6.0) -> Message:
        """The final reply to the request with that CSeq; learns tag, target and routes from a 2xx to INVITE."""
        final = self.peer.expect(
            lambda m: m.call_id == self.call_id and m.status >= 200 and m.cseq == cseq and m.method == method,
            f"final reply to {cseq} {method}",
            timeout_s,
        )
        if final.status < 300 and method == "INVITE":
            self.learn(final)
        return final

    def learn(self, reply: Message) -> None:
        """Become (or stay) a dialog from a reply that has a To tag."""
        self.remote = reply.get("To")
        if reply.get("Contact"):
            self.target = uri_of(reply.get("Contact"))
        if not self.routes:
            self.routes = list(reversed(reply.all("Record-Route")))

    def provisional(self, status: int) -> Message:
        return self.peer.expect(lambda m: m.call_id == self.call_id and m.status == status, str(status))

    def ack(self, cseq: int, sdp: str = "") -> None:
        self.request("ACK", sdp=sdp, cseq=cseq)

    def incoming(self, method: str, timeout_s: float = WAIT_S) -> Message:
        """The next request of this dialog."""
        return self.peer.expect(
            lambda m: m.is_request and m.method == method and m.call_id == self.call_id,
            f"{method} in dialog",
            timeout_s,
        )

    def reply(self, request: Message, status: int, *, sdp: str = "", headers: tuple[str, ...] = ()) -> None:
        self.peer.reply(request, status, tag=self.tag, sdp=sdp, headers=headers)


def _with_body(lines: list[str], body: str, content_type: str) -> str:
    if body:
        lines = [*lines, f"Content-Type: {content_type}"]
    return "\r\n".join([*lines, f"Content-Length: {len(body.encode())}", "", body])
