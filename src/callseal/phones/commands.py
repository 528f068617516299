"""Commands a phone takes on standard input, one JSON object a line, as pydantic models.

Validation errors never repeat the input: a `press` holds digits.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

Method = Literal["rfc4733", "inband", "info"]
Digits = Annotated[str, StringConstraints(pattern=r"^[0-9A-D*#]{1,64}$")]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[^\r\n]{0,1024}$")]
SipUri = Annotated[str, StringConstraints(pattern=r"^sips?:[^\s<>]{1,512}$")]


class _Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: int | None = None
    """Comes back in the command's `done` or `error` event."""


class Call(_Command):
    """Dial. `late_offer` sends the INVITE without SDP; the offer then comes in the 200 and the answer in the ACK."""

    do: Literal["call"]
    to: SipUri
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    from_uri: SipUri | None = Field(default=None, alias="from")
    late_offer: bool = False


class Answer(_Command):
    """Answer the ringing call: 200, or a provisional 180 / 183 (early media)."""

    do: Literal["answer"]
    code: int = Field(default=200, ge=180, le=299)


class Hangup(_Command):
    """End the call: BYE, CANCEL, or for a ringing call this final response."""

    do: Literal["hangup"]
    code: int = Field(default=603, ge=400, le=699)


class Press(_Command):
    """Press keys one after the other. The event `pressed` says when the last one is through."""

    do: Literal["press"]
    digits: Digits
    method: Method = "rfc4733"
    duration_ms: int = Field(default=100, ge=40, le=5000)
    gap_ms: int = Field(default=80, ge=20, le=10_000)


class Say(_Command):
    do: Literal["say"]
    wav: str


class Mute(_Command):
    """Stop speaking. Packets go on, with silence."""

    do: Literal["mute"]


class Hold(_Command):
    """re-INVITE with `a=sendonly`."""

    do: Literal["hold"]


class Unhold(_Command):
    do: Literal["unhold"]


class Reinvite(_Command):
    """A refresh of the same media; `late_offer` sends it without SDP."""

    do: Literal["reinvite"]
    late_offer: bool = False


class RefuseReinvite(_Command):
    """Answer the next `times` re-INVITEs with `code`. Code 0 never answers them at all."""

    do: Literal["refuse_reinvite"]
    code: Annotated[int, Field(ge=300, le=699)] | Literal[0] = 488
    times: int = Field(default=1, ge=0, le=1000)


class Stats(_Command):
    """Ask for a `stats` event."""

    do: Literal["stats"]


class Quit(_Command):
    do: Literal["quit"]


Command = Annotated[
    Call | Answer | Hangup | Press | Say | Mute | Hold | Unhold | Reinvite | RefuseReinvite | Stats | Quit,
    Field(discriminator="do"),
]
_ADAPTER: TypeAdapter[Command] = TypeAdapter(Command)


def parse_command(line: bytes) -> Command:
    """One line to one command. Raises `pydantic.ValidationError`; what may be shown of it is `fault()`."""
    return _ADAPTER.validate_json(line)


class _Numbered(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    id: int | None = None


def number_of(line: bytes) -> int | None:
    """The `id` of a line that is not a valid command, when it has one."""
    try:
        return _Numbered.model_validate_json(line).id
    except ValidationError:
        return None


_FIELDS = frozenset(
    {
        "do",
        "id",
        "to",
        "headers",
        "from",
        "code",
        "digits",
        "method",
        "duration_ms",
        "gap_ms",
        "wav",
        "times",
        "late_offer",
    }
)


def fault(error: ValidationError) -> str:
    """Field names and kinds of fault only: neither values nor unknown keys, either may be digits."""
    faults = []
    for item in error.errors(include_input=False, include_context=False, include_url=False):
        where = next((part for part in item["loc"] if part in _FIELDS), "command")
        faults.append(f"{where}: {item['type']}")
    return ", ".join(faults)
