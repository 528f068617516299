"""What may be sent to the desk. Strict, nothing unknown, every text bounded."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from callseal.observe.scrubber import party
from callseal.payments.money import MOST_MINOR_UNITS
from callseal.payments.names import FieldName


def _unique(names: list[FieldName]) -> list[FieldName]:
    if len(set(names)) != len(names):
        raise ValueError("a field is asked for twice")
    return names


def _no_card_number(text: str) -> str:
    """A stored card's id is the partner's; whatever has twelve digits in a row is not one we carry."""
    run = 0
    for character in text:
        run = run + 1 if character.isdigit() else 0
        if run == 12:  # the shortest card number
            raise ValueError("not an id")
    return text


Text = Annotated[str, Field(max_length=256)]
Party = Annotated[Text, AfterValidator(party)]
"""A telephone number, and no card number in the place of one."""
Reference = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
StoredCard = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$"), AfterValidator(_no_card_number)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Nothing(Strict):
    """`{}`, or no body at all."""


class CaptureBody(Strict):
    fields: Annotated[
        list[Annotated[FieldName, Field(strict=False)]],
        Field(min_length=1, max_length=4),
        AfterValidator(_unique),
    ]
    stored_card: StoredCard | None = None

    @model_validator(mode="after")
    def _one_source_of_the_number(self) -> Self:
        if self.stored_card is not None and FieldName.CARD_NUMBER in self.fields:
            raise ValueError("a stored card has its number already")
        return self


class ResetBody(Strict):
    field: Annotated[FieldName, Field(strict=False)] | None = None


class ChargeBody(Strict):
    amount: Annotated[int, Field(ge=1, le=MOST_MINOR_UNITS)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class HandOffBody(BaseModel):
    """What the edge says of a new call. Unknown keys are ignored: edges may be newer than the desk."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    reference: Reference
    tenant: Text
    number: Party = ""
    direction: Literal["in", "out"]
    token: Annotated[SecretStr, Field(max_length=256)] = SecretStr("")
    reason: Text = ""
    """Why there is no token; one that this desk does not know (a newer edge's) is taken for `payments_off`."""
    caller: Party = ""
    called: Party = ""
    customer_call_id: Text = ""
    agent_call_id: Text = ""
    node: Text = ""
    partner: Text = ""
    region: Text = ""
    edge: Text = ""
    at: Annotated[int, Field(ge=0)] = 0


class Evidence(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    status: int | None = None
    acked: bool | None = None
    packets: dict[str, int] = {}
    fenced: bool | None = None
    held: bool | None = None


class EdgeEventBody(BaseModel):
    """One report of an edge. An unknown kind is taken and counted, not refused."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    event_id: Annotated[str, Field(min_length=1, max_length=64)]
    edge: Text = ""
    at: Annotated[int, Field(ge=0)] = 0
    reference: Reference
    kind: Annotated[str, Field(max_length=40)]
    leg: Literal["customer", "agent"] | None = None
    where: str | None = None
    node: Text = ""
    hold: Annotated[int, Field(ge=0)] = 0
    tag: Text = ""
    evidence: Evidence = Evidence()


class Parcel(BaseModel):
    """`key` is what the `Idempotency-Key` would be, `body` what would be posted alone. It may hold a token."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    kind: Literal["handoff", "event"]
    key: Annotated[str, Field(min_length=1, max_length=128)]
    body: Annotated[dict[str, Any], Field(repr=False)]


class BatchBody(BaseModel):
    """Rows of an edge's spool, in the order in which they are to be taken."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    parcels: Annotated[list[Parcel], Field(min_length=1, max_length=32)]


class BatchAnswer(BaseModel):
    statuses: list[int]


class Me(BaseModel):
    agent: str
    tenant: str
    csrf: str


class Csrf(BaseModel):
    csrf: str


class Problem(BaseModel):
    """Every error."""

    error: str
    message: str
    advice: str


Call = dict[str, Any]
