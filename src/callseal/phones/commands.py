"""Commands a phone takes on standard input, one JSON object a line.

Faults never repeat the input: a `press` holds digits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from callseal.phones.checked import (
    Checked,
    FaultError,
    checked,
    flag,
    integer,
    mapping,
    one_of,
    optional,
    text,
)

Method = Literal["rfc4733", "inband", "info"]

_SIP_URI = text(r"sips?:[^\s<>]{1,512}", "a SIP URI")
_ID = optional(integer(0, 2**53))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Command(Checked):
    do: ClassVar[str]
    id: int | None = checked(_ID, default=None)
    """Comes back in the command's `done` or `error` event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(_Command):
    """Dial. `late_offer` sends the INVITE without SDP; the offer then comes in the 200 and the answer in the ACK."""

    do = "call"
    to: str = checked(_SIP_URI)
    headers: Mapping[str, str] = checked(
        mapping(
            text(r"[A-Za-z0-9-]{1,64}", "names and values of headers"),
            text(r"[^\r\n]{0,1024}", "one line each"),
        ),
        default={},
    )
    from_uri: str | None = checked(optional(_SIP_URI), default=None, key="from")
    late_offer: bool = checked(flag, default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(_Command):
    """Answer the ringing call: 200, or a provisional 180 / 183 (early media)."""

    do = "answer"
    code: int = checked(integer(180, 299), default=200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hangup(_Command):
    """End the call: BYE, CANCEL, or for a ringing call this final response."""

    do = "hangup"
    code: int = checked(integer(400, 699), default=603)


@dataclass(frozen=True, slots=True, kw_only=True)
class Press(_Command):
    """Press keys one after the other. The event `pressed` says when the last one is through."""

    do = "press"
    digits: str = checked(text(r"[0-9A-D*#]{1,64}", "1 to 64 keys of 0-9 A-D * #"))
    method: Method = checked(one_of("rfc4733", "inband", "info"), default="rfc4733")  # noqa: RUF009
    duration_ms: int = checked(integer(40, 5000), default=100)
    gap_ms: int = checked(integer(20, 10_000), default=80)


@dataclass(frozen=True, slots=True, kw_only=True)
class Say(_Command):
    """Speak a voice or a WAV in a loop."""

    do = "say"
    wav: str = checked(text(r"[^\0]+", "a voice or a path"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute(_Command):
    """Stop speaking. Packets go on, with silence."""

    do = "mute"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(_Command):
    """re-INVITE with `a=sendonly`."""

    do = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unhold(_Command):
    do = "unhold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reinvite(_Command):
    """A refresh of the same media; `late_offer` sends it without SDP."""

    do = "reinvite"
    late_offer: bool = checked(flag, default=False)


def _refusal(value: object) -> object:
    return value if value == 0 and not isinstance(value, bool) else integer(300, 699)(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseReinvite(_Command):
    """Answer the next `times` re-INVITEs with `code`. Code 0 never answers them at all."""

    do = "refuse_reinvite"
    code: int = checked(_refusal, default=488)
    times: int = checked(integer(0, 1000), default=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats(_Command):
    """Ask for a `stats` event."""

    do = "stats"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quit(_Command):
    do = "quit"


Command = (
    Call | Answer | Hangup | Press | Say | Mute | Hold | Unhold | Reinvite | RefuseReinvite | Stats | Quit
)
_BY_NAME: dict[str, type[Command]] = {
    kind.do: kind
    for kind in (Call, Answer, Hangup, Press, Say, Mute, Hold, Unhold, Reinvite, RefuseReinvite, Stats, Quit)
}


def parse_command(line: bytes) -> Command:
    """One line to one command. Raises `FaultError`."""
    table = _table(line)
    if table is None:
        raise FaultError("not a JSON object")
    kind = table.pop("do", None)
    if not isinstance(kind, str) or kind not in _BY_NAME:
        raise FaultError("do: unknown command")
    return _BY_NAME[kind].from_table(table)


def number_of(line: bytes) -> int | None:
    """The `id` of a line that is not a valid command, when it has one."""
    number = (_table(line) or {}).get("id")
    return number if isinstance(number, int) else None


def _table(line: bytes) -> dict[str, object] | None:
    try:
        table = json.loads(line)
    except ValueError:
        return None
    return table if isinstance(table, dict) else None
