"""Card number, security code, expiry and postcode: four values behind the wall, and the card they make together."""

from __future__ import annotations

from dataclasses import dataclass

from callseal.cards.brands import LONGEST, SHORTEST, Brand, outlook
from callseal.cards.luhn import luhn_ok
from callseal.cards.wall import CardData


class Pan(CardData):
    """A primary account number, 12 to 19 digits that pass Luhn. `brand`, `last4` and `masked` may be shown."""

    __slots__ = ("brand", "last4", "masked")

    def __init__(self, digits: str) -> None:
        """Raises `ValueError`, without the digits, when the length or the check digit is wrong."""
        super().__init__(digits)
        if not SHORTEST <= len(digits) <= LONGEST:
            raise ValueError(f"a card number has {SHORTEST} to {LONGEST} digits")
        if not luhn_ok(digits):
            raise ValueError("the check digit is wrong")
        self.brand: Brand | None = outlook(digits).brand
        self.last4 = digits[-4:]
        self.masked = masked_number(len(digits), self.last4, self.brand)

    def wipe(self) -> None:
        """Forget the number; brand and last four may stay, they are not account data (PCI DSS 3.4.1)."""
        super().wipe()


class SecurityCode(CardData):
    """CVC/CVV/CID, 3 or 4 digits: sensitive authentication data, in memory until the authorisation and no longer."""

    __slots__ = ()

    def __init__(self, digits: str) -> None:
        super().__init__(digits)
        if len(digits) not in (3, 4):
            raise ValueError("a security code has 3 or 4 digits")


class Expiry(CardData):
    """MMYY. The last valid moment is the end of that month."""

    __slots__ = ("__month", "__year")

    def __init__(self, digits: str) -> None:
        super().__init__(digits)
        if len(digits) != 4 or not 1 <= int(digits[:2]) <= 12:
            raise ValueError("an expiry date is MMYY")
        self.__month = int(digits[:2])
        self.__year = 2000 + int(digits[2:])

    def is_past(self, *, year: int, month: int) -> bool:
        """True when the card ended before the given month. Two-digit years are of this century."""
        return (self.__year, self.__month) < (year, month)

    def wipe(self) -> None:
        self.__month = self.__year = 0
        super().wipe()


class PostalCode(CardData):
    """The digits of the cardholder's postcode."""

    __slots__ = ()


@dataclass(slots=True, repr=False, eq=False)
class Card:
    """What one capture gathered. Not frozen: `wipe()` must be able to empty it.

    Either `pan` or `stored_card` (the PSP's name of a card on file) is there.
    """

    pan: Pan | None = None
    stored_card: str | None = None
    expiry: Expiry | None = None
    security_code: SecurityCode | None = None
    postal_code: PostalCode | None = None
    brand: Brand | None = None
    last4: str | None = None

    def wipe(self) -> None:
        for value in (self.pan, self.expiry, self.security_code, self.postal_code):
            if value is not None:
                value.wipe()
        self.pan = self.expiry = self.security_code = self.postal_code = None

    def __repr__(self) -> str:
        return "Card(...)"


def masked_number(length: int, last4: str, brand: Brand | None) -> str:
    """Dots and the last four, grouped as the card prints it: 4-6-5 for American Express, fours otherwise."""
    shown = "•" * (length - len(last4)) + last4
    if brand is Brand.AMEX and length == 15:
        return f"{shown[:4]} {shown[4:10]} {shown[10:]}"
    return " ".join(shown[at : at + 4] for at in range(0, length, 4))
