"""The form that a capture fills: the fields that were asked for, what stands in each, and what of it may be shown.

No time, no order of events, nothing said to anybody: that is the engine's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from callseal.cards import Brand, Card, Expiry, Pan, PostalCode, SecurityCode, masked_number, outlook
from callseal.sandbox.capture.commands import EventValue
from callseal.sandbox.capture.digits import KeyedDigits
from callseal.sandbox.capture.fields import Field, Reason, Surroundings, fault, is_full, length_limits

StoredCard: TypeAlias = "tuple[str, Brand | None, str | None]"
"""A card on file: the PSP's id, brand, last four."""


@dataclass(frozen=True, slots=True)
class FieldView:
    """One field as the desk may see it: counts and dots."""

    name: Field
    state: str
    count: int
    min: int
    max: int
    brand: Brand | None
    masked: str | None
    reason: Reason | None


class Slot:
    """One asked field: its digits, and what became of them."""

    __slots__ = ("attempts", "digits", "field", "reason", "valid")

    def __init__(self, field: Field) -> None:
        self.field = field
        self.digits = KeyedDigits()
        self.valid = False
        self.attempts = 0
        self.reason: Reason | None = None

    def clear(self) -> None:
        self.digits.wipe()
        self.valid = False
        self.reason = None


class Form:
    """`slots` in the order in which they are asked for; `today` is (year, month), `brands` are those that are taken."""

    def __init__(
        self,
        fields: Sequence[Field],
        *,
        brands: frozenset[Brand],
        today: tuple[int, int] = (0, 0),
        stored_card: StoredCard | None = None,
        postal_code_min: int = 1,
    ) -> None:
        self.slots = [Slot(field) for field in fields]
        self._brands = brands
        self._today = today
        self._stored: tuple[str | None, Brand | None, str | None] = stored_card or (None, None, None)
        self._postal_code_min = max(1, postal_code_min)

    def next_open(self) -> Slot | None:
        """The first field without a good value."""
        return next((slot for slot in self.slots if not slot.valid), None)

    # -- what stands in it -----------------------------------------------------------------------------------------

    def fault(self, slot: Slot) -> Reason | None:
        """Why its digits are no good value; None when they are."""
        return fault(slot.field, slot.digits.reveal(), self._around())

    def is_full(self, slot: Slot) -> bool:
        """No further digit can belong to it."""
        return is_full(slot.field, slot.digits.reveal(), self._around())

    def misfits(self, completed: Slot) -> list[Slot]:
        """A security code keyed before its card number may be too long or too short for the brand."""
        if completed.field is not Field.CARD_NUMBER:
            return []
        return [slot for slot in self.slots if slot.valid and self.fault(slot) is Reason.LENGTH]

    def card(self) -> Card:
        """Everything that was keyed, and the card on file."""
        stored_card, brand, last4 = self._stored
        card = Card(stored_card=stored_card, brand=brand, last4=last4)
        for slot in self.slots:
            digits = slot.digits.reveal()
            match slot.field:
                case Field.CARD_NUMBER:
                    card.pan = Pan(digits)
                    card.brand, card.last4 = card.pan.brand, card.pan.last4
                case Field.EXPIRY:
                    card.expiry = Expiry(digits)
                case Field.SECURITY_CODE:
                    card.security_code = SecurityCode(digits)
                case Field.POSTAL_CODE:
                    card.postal_code = PostalCode(digits)
        return card

    def wipe(self) -> None:
        """No digit is left, and no field."""
        for slot in self.slots:
            slot.clear()
        self.slots = []

    def _around(self) -> Surroundings:
        number = next((slot for slot in self.slots if slot.field is Field.CARD_NUMBER), None)
        _, brand, _ = self._stored
        if number is not None:
            brand = outlook(number.digits.reveal()).brand if number.valid else None
        return Surroundings(brand, self._brands, self._today, self._postal_code_min)

    # -- what may be shown -----------------------------------------------------------------------------------------

    def view(self, slot: Slot, *, active: bool) -> FieldView:
        """For `GET /v1/session`."""
        shortest, longest = length_limits(slot.field, slot.digits.reveal(), self._around())
        state = "valid" if slot.valid else "invalid" if slot.reason else "active" if active else "waiting"
        return FieldView(
            name=slot.field,
            state=state,
            count=len(slot.digits),
            min=shortest,
            max=longest,
            brand=self._brand_of(slot),
            masked=self._masked(slot) if slot.valid else None,
            reason=slot.reason,
        )

    def progress(self, slot: Slot) -> dict[str, EventValue]:
        """Data of `capture.digit`."""
        shortest, longest = length_limits(slot.field, slot.digits.reveal(), self._around())
        return {
            "field": slot.field,
            "count": len(slot.digits),
            "min": shortest,
            "max": longest,
            "brand": self._brand_of(slot),
        }

    def completed(self, slot: Slot) -> dict[str, EventValue]:
        """Data of `capture.field_completed`."""
        data: dict[str, EventValue] = {"field": slot.field, "valid": True, "masked": self._masked(slot)}
        data["brand"] = self._brand_of(slot)
        if slot.field is Field.CARD_NUMBER:
            data["last4"] = slot.digits.reveal()[-4:]
        return data

    def _brand_of(self, slot: Slot) -> Brand | None:
        if slot.field is Field.CARD_NUMBER:
            return outlook(slot.digits.reveal()).brand
        return self._around().brand

    def _masked(self, slot: Slot) -> str:
        count = len(slot.digits)
        if slot.field is Field.CARD_NUMBER:
            return masked_number(count, slot.digits.reveal()[-4:], self._brand_of(slot))
        return "•" * count
