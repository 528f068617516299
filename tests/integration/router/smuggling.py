"""A message changed on its way to the socket, and bodies of several parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.support.sip_peer import SipPeer

VICTIM = "127.81.0.66"
Edit = Callable[[str], str]
SDP_TYPE = "Content-Type: application/sdp"


@contextmanager
def edited(peer: SipPeer, edit: Edit) -> Iterator[None]:
    """What `peer` sends inside is changed on its way to the socket."""
    send = peer.send
    peer.send = lambda message: send(edit(message))  # type: ignore[method-assign]
    try:
        yield
    finally:
        del peer.send


def replacing(old: str, new: str) -> Edit:
    def edit(message: str) -> str:
        assert old in message
        return message.replace(old, new, 1)

    return edit


def without_length(message: str) -> str:
    head, blank, body = message.partition("\r\n\r\n")
    return (
        "\r\n".join(line for line in head.split("\r\n") if not line.startswith("Content-Length"))
        + blank
        + body
    )


def length_zero(message: str) -> str:
    head, blank, body = message.partition("\r\n\r\n")
    return head.partition("Content-Length")[0] + "Content-Length: 0" + blank + body


def part(content_type: str, body: str, boundary: str = "b") -> str:
    return f"--{boundary}\r\n{content_type}\r\n\r\n{body}\r\n"


def multipart(*parts: str, boundary: str = "b") -> str:
    return "".join(parts) + f"--{boundary}--\r\n"
