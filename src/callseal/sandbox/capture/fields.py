"""The four fields: how long each may be, when it is complete by itself, and what makes it wrong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from callseal.cards import Brand, luhn_ok, outlook, security_code_lengths


class Field(StrEnum):
    """Names of the contract, section 5, in the order in which they are asked for by default."""

    CARD_NUMBER = "card_number"
    EXPIRY = "expiry"
    SECURITY_CODE = "security_code"
    POSTAL_CODE = "postal_code"


class Reason(StrEnum):
    """Why a field is wrong (contract, `capture.field_invalid`)."""

    LUHN = "luhn"
    LENGTH = "length"
    BRAND = "brand"
    MONTH = "month"
    EXPIRED = "expired"
    FORMAT = "format"


LONGEST_POSTAL_CODE = 10


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a field's check needs to know beside its own digits.

    `brand` is that of the card number already keyed, or of the card on file; `today` is (year, month).
    """

    brand: Brand | None
    allowed: frozenset[Brand]
    today: tuple[int, int]
    postal_code_min: int


def length_limits(field: Field, digits: str, around: Surroundings) -> tuple[int, int]:
    """Fewest and most digits this field can have, given what was keyed so far."""
    if field is Field.CARD_NUMBER:
        seen = outlook(digits)
        return seen.min_length, seen.max_length
    if field is Field.EXPIRY:
        return 4, 4
    if field is Field.SECURITY_CODE:
        return security_code_lengths(around.brand)
    return around.postal_code_min, max(LONGEST_POSTAL_CODE, around.postal_code_min)


def is_full(field: Field, digits: str, around: Surroundings) -> bool:
    """No further digit can belong to this field: advance without waiting for `#`."""
    return len(digits) >= length_limits(field, digits, around)[1]


def fault(field: Field, digits: str, around: Surroundings) -> Reason | None:
    """Why these digits are not a good value of `field`; None when they are."""
    if field is Field.CARD_NUMBER:
        return _card_number_fault(digits, around)
    if field is Field.EXPIRY:
        return _expiry_fault(digits, around)
    shortest, longest = length_limits(field, digits, around)
    return None if shortest <= len(digits) <= longest else Reason.LENGTH


def _card_number_fault(digits: str, around: Surroundings) -> Reason | None:
    seen = outlook(digits)
    if not seen.lengths or (seen.brand is not None and seen.brand not in around.allowed):
        return Reason.BRAND
    if seen.brand is None or len(digits) not in seen.lengths:
        return Reason.LENGTH
    return None if luhn_ok(digits) else Reason.LUHN


def _expiry_fault(digits: str, around: Surroundings) -> Reason | None:
    if len(digits) != 4:
        return Reason.FORMAT
    month, year = int(digits[:2]), 2000 + int(digits[2:])
    if not 1 <= month <= 12:
        return Reason.MONTH
    return Reason.EXPIRED if (year, month) < around.today else None
