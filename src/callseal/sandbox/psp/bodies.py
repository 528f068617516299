"""What a charge request looks like. Card data becomes its refusing type while it is read; no error repeats a value."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError, model_validator

from callseal.cards import CardData, Expiry, Pan, PostalCode, SecurityCode, security_code_lengths
from callseal.sandbox.psp.public_cards import STORED_CARDS, Fault, Outcome, Plan, plan_for

_POSTAL_CODE_MAX = 10
_Value = TypeVar("_Value", bound=CardData)


class NotATestCardError(ValueError):
    """The number is nobody's test card. It does not say which number."""


class UnknownStoredCardError(ValueError):
    """No such card on file."""


def _digits(kind: Callable[[str], _Value]) -> Callable[[object], _Value]:
    def read(value: object) -> _Value:
        if not isinstance(value, str):
            raise ValueError("must be a string of digits")  # noqa: TRY004 - pydantic reports ValueError
        return kind(value)

    return read


def _postal_code(digits: str) -> PostalCode:
    if len(digits) > _POSTAL_CODE_MAX:
        raise ValueError("a postcode is shorter")
    return PostalCode(digits)


PanText = Annotated[Pan, PlainValidator(_digits(Pan))]
ExpiryText = Annotated[Expiry, PlainValidator(_digits(Expiry))]
SecurityCodeText = Annotated[SecurityCode, PlainValidator(_digits(SecurityCode))]
PostalCodeText = Annotated[PostalCode, PlainValidator(_digits(_postal_code))]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"

    __str__ = __repr__


class CardBody(_Strict):
    """A keyed card. `expiry` is MMYY. Some merchants do not ask for the security code."""

    number: PanText
    expiry: ExpiryText
    security_code: SecurityCodeText | None = None
    postal_code: PostalCodeText | None = None

    def wipe(self) -> None:
        for value in (self.number, self.expiry, self.security_code, self.postal_code):
            if value is not None:
                value.wipe()


class ChargeBody(_Strict):
    """Either `card`, or `stored_card` with what the customer keyed for it (a new expiry too). `amount` counts minor units."""

    card: CardBody | None = None
    stored_card: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")] | None = None
    expiry: ExpiryText | None = None
    security_code: SecurityCodeText | None = None
    postal_code: PostalCodeText | None = None
    amount: Annotated[int, Field(gt=0, le=99_999_999)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    reference: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,128}$")]

    @model_validator(mode="after")
    def _one_card(self) -> Self:
        if (self.card is None) == (self.stored_card is None):
            raise ValueError("either a card or a stored card")
        if self.card is not None and any((self.expiry, self.security_code, self.postal_code)):
            raise ValueError("what was keyed belongs into the card")
        return self

    def plan(self, today: tuple[int, int]) -> Plan:
        """What will happen, `today` being (year, month). Wipes the card: afterwards only the plan is left.

        Raises `NotATestCardError` or `UnknownStoredCardError`.
        """
        try:
            return self._plan(today)
        finally:
            self.wipe()

    def wipe(self) -> None:
        if self.card is not None:
            self.card.wipe()
        for value in (self.expiry, self.security_code, self.postal_code):
            if value is not None:
                value.wipe()

    def _plan(self, today: tuple[int, int]) -> Plan:
        if self.card is None:
            stored = STORED_CARDS.get(self.stored_card or "")
            if stored is None:
                raise UnknownStoredCardError("no such stored card")
            return _checked(stored, self.expiry, self.security_code, today)
        plan = plan_for(self.card.number)
        if plan is None:
            raise NotATestCardError("only public test cards are taken here")
        return _checked(plan, self.card.expiry, self.card.security_code, today)


def _checked(plan: Plan, expiry: Expiry | None, code: SecurityCode | None, today: tuple[int, int]) -> Plan:
    """A card that has ended is declined, and so is a code of the wrong length: the simulator knows no codes."""
    if expiry is not None and expiry.is_past(year=today[0], month=today[1]):
        return Plan(plan.brand, plan.last4, Outcome.EXPIRED_CARD)
    if code is not None and len(code.reveal()) not in security_code_lengths(plan.brand):
        return Plan(plan.brand, plan.last4, Outcome.INCORRECT_CVC)
    return plan


def _fault(value: object) -> Fault | None:
    if value in (None, "off"):
        return None
    if value not in tuple(Fault):
        raise ValueError(f"one of {', '.join(Fault)}, off")
    return Fault(str(value))


class FaultBody(_Strict):
    """The next `times` new charges meet this fault; `kind` null or `off` ends it."""

    kind: Annotated[Fault | None, PlainValidator(_fault)]
    times: Annotated[int, Field(gt=0, le=10_000)] = 1


KEY = re.compile(r"[A-Za-z0-9._:~-]{1,128}")
"""An idempotency key: short, and fit for a URL's path."""


def problems(error: ValidationError) -> str:
    """Where a body is wrong and why, without what stood there; the name of an unknown field is the sender's text too."""
    found = []
    for one in error.errors(include_input=False, include_context=False, include_url=False):
        place = one["loc"][:-1] if one["type"] == "extra_forbidden" else one["loc"]
        found.append(f"{'.'.join(str(part) for part in place) or 'body'}: {one['msg']}")
    return "; ".join(found)
