"""Card brands: who issued a number, how long it is and how long its security code is.

A customer keys digit by digit, so the useful question is not "which brand is this number" but "which brands can this
prefix still become, and how many digits may follow". `outlook()` answers it after every press.

The ranges are the issuer identification numbers that the schemes publish (ISO/IEC 7812). They do not overlap, which a
test holds, so a prefix that has reached a range's own length belongs to one brand.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Brand(StrEnum):
    """The names of the contract, section 5."""

    VISA = "visa"
    MASTERCARD = "mastercard"
    AMEX = "amex"
    DISCOVER = "discover"
    DINERS = "diners"
    JCB = "jcb"
    MAESTRO = "maestro"
    UNIONPAY = "unionpay"


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers that begin with `first`..`last` (both of one length); `lengths` are the PAN lengths in use."""

    brand: Brand
    first: str
    last: str
    lengths: tuple[int, ...]
    security_code: int = 3

    def may_hold(self, prefix: str) -> bool:
        """Can a number that begins with `prefix` still fall into this range?"""
        size = min(len(prefix), len(self.first))
        return self.first[:size] <= prefix[:size] <= self.last[:size]


# Visa: 13 digits were withdrawn long ago and 19 are issued by very few; 16 lets a keypad advance by itself.
RANGES: tuple[Range, ...] = (
    Range(Brand.VISA, "4", "4", (16,)),
    Range(Brand.MASTERCARD, "51", "55", (16,)),
    Range(Brand.MASTERCARD, "2221", "2720", (16,)),
    Range(Brand.AMEX, "34", "34", (15,), security_code=4),
    Range(Brand.AMEX, "37", "37", (15,), security_code=4),
    Range(Brand.DISCOVER, "6011", "6011", (16, 17, 18, 19)),
    Range(Brand.DISCOVER, "644", "649", (16, 17, 18, 19)),
    Range(Brand.DISCOVER, "65", "65", (16, 17, 18, 19)),
    Range(Brand.DINERS, "300", "305", (14, 16, 17, 18, 19)),
    Range(Brand.DINERS, "3095", "3095", (14, 16, 17, 18, 19)),
    Range(Brand.DINERS, "36", "36", (14, 16, 17, 18, 19)),
    Range(Brand.DINERS, "38", "39", (14, 16, 17, 18, 19)),
    Range(Brand.JCB, "3528", "3589", (16, 17, 18, 19)),
    Range(Brand.MAESTRO, "5018", "5018", tuple(range(12, 20))),
    Range(Brand.MAESTRO, "5020", "5020", tuple(range(12, 20))),
    Range(Brand.MAESTRO, "5038", "5038", tuple(range(12, 20))),
    Range(Brand.MAESTRO, "5893", "5893", tuple(range(12, 20))),
    Range(Brand.MAESTRO, "6304", "6304", tuple(range(12, 20))),
    Range(Brand.MAESTRO, "6759", "6759", tuple(range(12, 20))),
    Range(Brand.MAESTRO, "6761", "6763", tuple(range(12, 20))),
    Range(Brand.UNIONPAY, "62", "62", (16, 17, 18, 19)),
    Range(Brand.UNIONPAY, "81", "81", (16, 17, 18, 19)),
)

LONGEST = 19
SHORTEST = 12


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a growing prefix can still become. `brand` is None while two brands are possible, and when none is.

    `lengths` are the PAN lengths still possible, ascending; empty when no brand of ours begins like this.
    """

    brand: Brand | None
    lengths: tuple[int, ...]
    security_code: int | None

    @property
    def min_length(self) -> int:
        return self.lengths[0] if self.lengths else SHORTEST

    @property
    def max_length(self) -> int:
        return self.lengths[-1] if self.lengths else LONGEST


def outlook(prefix: str) -> Outlook:
    """Brand, possible lengths and security-code length for the digits keyed so far (possibly none)."""
    possible = [one for one in RANGES if one.may_hold(prefix)]
    brands = {one.brand for one in possible}
    lengths = sorted({length for one in possible for length in one.lengths})
    codes = {one.security_code for one in possible}
    return Outlook(
        brand=brands.pop() if len(brands) == 1 else None,
        lengths=tuple(lengths),
        security_code=codes.pop() if len(codes) == 1 else None,
    )


def security_code_lengths(brand: Brand | None) -> tuple[int, int]:
    """Shortest and longest security code of a brand; (3, 4) when the brand is not known."""
    if brand is None:
        return 3, 4
    size = next(one.security_code for one in RANGES if one.brand is brand)
    return size, size
