"""What the API takes, as pydantic models. Nothing in them is card data; what looks like more is refused, not ignored."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from callseal.sandbox.capture.fields import LONGEST_POSTAL_CODE
from callseal.sandbox.capture.fields import Field as FieldName


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Empty(Strict):
    """`{}`."""


class CaptureBody(Strict):
    """Which fields to ask for, in this order. With `stored_card` the number is on file at the PSP."""

    fields: Annotated[list[FieldName], Field(min_length=1, max_length=4)]  # once each: the capture says so
    stored_card: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None
    postal_code_min: Annotated[int, Field(ge=1, le=LONGEST_POSTAL_CODE)] = 5


class ResetBody(Strict):
    """One field, or all (null)."""

    field: FieldName | None = None


class ChargeBody(Strict):
    """`amount` in minor units of `currency` (ISO 4217)."""

    amount: Annotated[int, Field(gt=0, le=99_999_999, strict=True)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    reference: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,128}$")]


class ForgeBody(Strict):
    """One webhook with a false signature, sent at once."""

    type: Annotated[str, Field(pattern=r"^[a-z_.]{1,64}$")] = "session.secured"
    session: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    data: dict[str, Any] = {}
