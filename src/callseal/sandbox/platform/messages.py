"""The three messages a platform may get (contract, section 7), read strictly: what is not listed is refused.

A platform is where card data must never arrive, so the receiver is the last to look: an unknown field, and a text with as many digits as
a card number has, are refused.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

CARD_DIGITS_MIN = 12
"""The shortest card number (ISO/IEC 7812-1 allows less, no scheme issues less)."""


def _no_card(text: str) -> str:
    if sum(map(str.isdigit, text)) >= CARD_DIGITS_MIN:
        raise ValueError("too many digits for a text")
    return text


Reference = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class _Call(_Strict):
    reference: Reference


class _AnnotationData(_Call):
    state: Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
    text: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_no_card)]


class Annotation(_Strict):
    """The call's state, for the agent's screen."""

    type: Literal["call.annotated"]
    data: _AnnotationData


class Recording(_Strict):
    """Stop recording the call, or go on. Must be acknowledged."""

    type: Literal["recording.pause", "recording.resume"]
    data: _Call


Message = Annotation | Recording
_MESSAGE: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


class ShapeError(ValueError):
    """Not one of the three messages. Repeats nothing of it."""


def read(body: bytes) -> Message:
    """Raises `ShapeError`."""
    try:
        return _MESSAGE.validate_json(body)
    except ValidationError as error:
        kinds = sorted({one["type"] for one in error.errors(include_input=False, include_context=False)})
        raise ShapeError(", ".join(kinds)) from None
