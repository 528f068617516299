"""Money: whole minor units and an ISO 4217 code. No floats, no arithmetic: the desk only carries what the agent typed."""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST_MINOR_UNITS = (
    99_999_999  # eight digits: what card authorisation messages commonly carry (ISO 8583 field 4 has twelve)
)
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Money:
    """`minor`: 1..99999999 of the currency's smallest unit (4250 GBP = 42.50 pounds). Raises `ValueError` otherwise."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if isinstance(self.minor, bool) or not isinstance(self.minor, int):
            raise ValueError("an amount is a whole number of minor units")  # noqa: TRY004 - one error for callers
        if not 1 <= self.minor <= MOST_MINOR_UNITS:
            raise ValueError(f"an amount is between 1 and {MOST_MINOR_UNITS} minor units")
        if not _CURRENCY.fullmatch(self.currency):
            raise ValueError("a currency is three capital letters (ISO 4217)")

    def __str__(self) -> str:
        return f"{self.minor} {self.currency}"
