"""What the SIP thread tells the rest of the partner: plain values, no library objects, one type a happening.

`dialog` is this process's number for one SIP dialog. Bodies are text exactly as it came off the wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Header:
    """One header field; `value` as it stood in the message."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Invited:
    """A first INVITE. `sdp` is None for a late offer; `from_` and `to` are header values without tags."""

    dialog: int
    call_id: str
    request_uri: str
    from_: str
    to: str
    max_forwards: int
    headers: tuple[Header, ...]
    sdp: str | None


@dataclass(frozen=True, slots=True)
class Progressed:
    """A provisional answer other than 100 to our first INVITE."""

    dialog: int
    code: int
    reason: str
    sdp: str | None


@dataclass(frozen=True, slots=True)
class Answered:
    """The final answer to an INVITE of ours, first or later. `code` says whether it was taken or refused."""

    dialog: int
    code: int
    reason: str
    sdp: str | None
    first: bool


@dataclass(frozen=True, slots=True)
class Reoffered:
    """A re-INVITE from the peer; `sdp` is None when it wants us to make the offer."""

    dialog: int
    sdp: str | None


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The peer cancelled its INVITE before we answered; `first` when that was the call itself."""

    dialog: int
    first: bool


@dataclass(frozen=True, slots=True)
class Acked:
    """The ACK to a 2xx of ours; `sdp` is the answer to a late offer."""

    dialog: int
    sdp: str | None


@dataclass(frozen=True, slots=True, repr=False)
class InfoCame:
    """An INFO request. `body` may hold a digit, so this type does not print it."""

    dialog: int
    content_type: str
    body: str

    def __repr__(self) -> str:
        return f"InfoCame(dialog={self.dialog}, content_type={self.content_type!r})"


@dataclass(frozen=True, slots=True)
class HungUp:
    """The dialog ended from the other side: BYE, or an ACK that never came."""

    dialog: int


Heard: TypeAlias = Invited | Progressed | Answered | Reoffered | Withdrawn | Acked | InfoCame | HungUp
