"""The capture: presses and time in, webhook events and prompts out. No socket, no clock, no digit on the way out.

Every method returns the commands to carry out, in order. `now` is any monotonic clock in seconds; the caller asks
`deadline()` after each call and comes back with `tick(now)` when it has passed.

The keypad's grammar, as customers know it from every card line:

* digits fill the active field; it advances by itself when its length leaves no doubt (16 digits of a Visa),
* `#` ends a field whose length is open (a postcode, a 19-digit number); on an empty field it is a habit and ignored,
* `*` clears the field; twice on an empty field it cancels,
* a pause of `settle_s` after a value that is already good ends the field too, and
* a pause of `inter_digit_s` after anything else costs one attempt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from callseal.cards import Brand, Card, Expiry, Pan, PostalCode, SecurityCode, masked_number, outlook
from callseal.sandbox.capture.commands import Command, EventValue, Prompt, Say, Tell
from callseal.sandbox.capture.digits import KeyedDigits
from callseal.sandbox.capture.fields import Field, Reason, Surroundings, fault, is_full, length_limits
from callseal.sandbox.capture.table import Input, NotNowError, State, step


@dataclass(frozen=True, slots=True)
class Rules:
    """Limits of one capture; times in seconds."""

    inter_digit_s: float = 10.0
    settle_s: float = 3.0
    overall_s: float = 120.0
    attempts: int = 3
    brands: frozenset[Brand] = frozenset(Brand)


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


class UnknownFieldError(Exception):
    """The capture has no such field."""


class _Slot:
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


class Capture:
    """One session's capture; `start()` may be called again and again."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.state = State.IDLE
        self._slots: list[_Slot] = []
        self._active: _Slot | None = None
        self._today = (0, 0)
        self._stored_card: str | None = None
        self._stored_brand: Brand | None = None
        self._stored_last4: str | None = None
        self._postal_code_min = 1
        self._silent_since: float | None = None
        self._overall: float | None = None
        self._stars = 0

    # -- what the agent asks ---------------------------------------------------------------------------------------

    def start(
        self,
        fields: Sequence[Field],
        *,
        now: float,
        today: tuple[int, int],
        stored_card: tuple[str, Brand | None, str | None] | None = None,
        postal_code_min: int = 5,
    ) -> list[Command]:
        """Begin, or begin again. `today` is (year, month); `stored_card` is (PSP's id, brand, last four).

        Raises `ValueError` for no field, a field asked twice, or a card number together with a stored card.
        """
        if not fields or len(set(fields)) != len(fields):
            raise ValueError("ask for each field once, and for one at least")
        if stored_card is not None and Field.CARD_NUMBER in fields:
            raise ValueError("a stored card has its number already")
        self.state = step(self.state, Input.START)
        self._wipe()
        self._slots = [_Slot(field) for field in fields]
        self._stored_card, self._stored_brand, self._stored_last4 = stored_card or (None, None, None)
        self._today = today
        self._postal_code_min = max(1, postal_code_min)
        self._overall = now + self._rules.overall_s
        return self._activate(self._slots[0])

    def reset(self, field: Field | None, *, by: str, now: float) -> list[Command]:
        """Clear one field, or all, and ask for it again. A new card number asks for a new security code too."""
        slots = self._slots if field is None else [slot for slot in self._slots if slot.field is field]
        if self.state in (State.COLLECTING, State.COMPLETE) and not slots:
            raise UnknownFieldError(f"{field} is not part of this capture")
        was_complete = self.state is State.COMPLETE
        self.state = step(self.state, Input.RESET)
        if was_complete:
            self._overall = now + self._rules.overall_s
        commands: list[Command] = []
        for slot in self._slots:
            asked = slot in slots
            torn = slot is self._active and len(slot.digits) > 0
            bound = slot.field is Field.SECURITY_CODE and any(one.field is Field.CARD_NUMBER for one in slots)
            if asked or torn or (bound and slot.valid):
                slot.clear()
                commands.append(
                    Tell("capture.field_reset", {"field": slot.field, "by": by if asked else "partner"})
                )
            if asked:
                slot.attempts = 0
        return commands + self._activate(slots[0])

    def cancel(self, *, by: str) -> list[Command]:
        """Stop and forget everything."""
        self.state = step(self.state, Input.CANCEL)
        return self._end(Tell("capture.cancelled", {"by": by}))

    def take(self) -> Card:
        """The card, once complete; the capture keeps nothing. Raises `NotNowError` before that."""
        self.state = step(self.state, Input.TAKE)
        card = Card(stored_card=self._stored_card, brand=self._stored_brand, last4=self._stored_last4)
        for slot in self._slots:
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
        self._wipe()
        return card

    def forget(self) -> None:
        """Wipe everything without a word: the call is over."""
        self._wipe()
        self.state = State.OVER

    # -- what the customer does ------------------------------------------------------------------------------------

    def press(self, key: str, *, now: float) -> list[Command]:
        """One press: `0`-`9`, `*`, `#`. Anything else (A-D, a hook flash) is ignored, as is every press out of turn."""
        self.state = step(self.state, Input.PRESS)
        slot = self._active
        if self.state is not State.COLLECTING or slot is None:
            return []
        if key == "*":
            return self._star(slot)
        if key == "#":
            self._stars = 0
            return self._finish(slot) if len(slot.digits) else []
        if len(key) != 1 or key not in "0123456789":
            return []
        self._stars = 0
        slot.digits.append(key)
        slot.reason = None
        self._silent_since = now
        commands: list[Command] = [Tell("capture.digit", self._progress(slot))]
        if is_full(slot.field, slot.digits.reveal(), self._around()):
            commands += self._finish(slot)
        return commands

    def _star(self, slot: _Slot) -> list[Command]:
        if len(slot.digits):
            slot.clear()
            self._silent_since = None
            reset = Tell("capture.field_reset", {"field": slot.field, "by": "customer"})
            return [reset, *self._activate(slot)]
        self._stars += 1
        return self.cancel(by="customer") if self._stars == 2 else []

    # -- time ------------------------------------------------------------------------------------------------------

    def deadline(self) -> float | None:
        """When `tick` wants to be called, on the caller's clock; None while nothing can run out."""
        if self.state is not State.COLLECTING or self._overall is None or self._active is None:
            return None
        if self._silent_since is None:
            return self._overall
        good = fault(self._active.field, self._active.digits.reveal(), self._around()) is None
        pause = min(self._rules.settle_s, self._rules.inter_digit_s) if good else self._rules.inter_digit_s
        return min(self._overall, self._silent_since + pause)

    def tick(self, *, now: float) -> list[Command]:
        """What the passing of time means; nothing before `deadline()`."""
        due = self.deadline()
        slot = self._active
        if due is None or slot is None or self._overall is None or now < due:
            return []
        if now >= self._overall:
            self.state = step(self.state, Input.OUT_OF_TIME)
            return self._end(Tell("capture.timed_out", {"field": slot.field, "kind": "overall"}))
        self.state = step(self.state, Input.SILENCE)
        if fault(slot.field, slot.digits.reveal(), self._around()) is None:
            return self._finish(slot)
        return self._failed(slot, Tell("capture.timed_out", {"field": slot.field, "kind": "inter_digit"}))

    # -- what may be shown -----------------------------------------------------------------------------------------

    def views(self) -> list[FieldView]:
        """Every asked field, for `GET /v1/session`."""
        return [self._view(slot) for slot in self._slots]

    def _view(self, slot: _Slot) -> FieldView:
        shortest, longest = length_limits(slot.field, slot.digits.reveal(), self._around())
        state = (
            "valid"
            if slot.valid
            else "invalid"
            if slot.reason
            else "active"
            if slot is self._active
            else "waiting"
        )
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

    # -- inside ----------------------------------------------------------------------------------------------------

    def _activate(self, slot: _Slot) -> list[Command]:
        self._active = slot
        self._silent_since = None
        self._stars = 0
        return [Tell("capture.started", {"field": slot.field}), Say((Prompt(slot.field.value),))]

    def _finish(self, slot: _Slot) -> list[Command]:
        self._silent_since = None
        reason = fault(slot.field, slot.digits.reveal(), self._around())
        if reason is not None:
            told = Tell("capture.field_invalid", {"field": slot.field, "reason": reason})
            return self._failed(slot, told, reason)
        slot.valid = True
        data: dict[str, EventValue] = {"field": slot.field, "valid": True, "masked": self._masked(slot)}
        data["brand"] = self._brand_of(slot)
        if slot.field is Field.CARD_NUMBER:
            data["last4"] = slot.digits.reveal()[-4:]
        done: list[Command] = [Tell("capture.field_completed", data), *self._misfits(slot)]
        following = next((one for one in self._slots if not one.valid), None)
        if following is not None:
            return done + self._activate(following)
        self.state = step(self.state, Input.ALL_VALID)
        self._active = None
        return [*done, Tell("capture.completed"), Say((Prompt.THANK_YOU,))]

    def _misfits(self, slot: _Slot) -> list[Command]:
        """A security code keyed before its card number may be too long or too short for the brand: it is asked for again."""
        commands: list[Command] = []
        for other in self._slots if slot.field is Field.CARD_NUMBER else ():
            if other.valid and fault(other.field, other.digits.reveal(), self._around()) is Reason.LENGTH:
                other.clear()
                commands.append(Tell("capture.field_reset", {"field": other.field, "by": "partner"}))
        return commands

    def _failed(self, slot: _Slot, told: Tell, reason: Reason | None = None) -> list[Command]:
        slot.clear()
        slot.reason = reason
        slot.attempts += 1
        if slot.attempts >= self._rules.attempts:
            self.state = step(self.state, Input.OUT_OF_ATTEMPTS)
            return [told, *self._end(Tell("capture.cancelled", {"by": "partner"}))]
        again = self._activate(slot)
        # An invalid field stays shown as invalid until its next digit; after a silence it starts afresh.
        started = [] if reason is not None else again[:1]
        return [told, *started, Say((Prompt.TRY_AGAIN, Prompt(slot.field.value)))]

    def _end(self, told: Tell) -> list[Command]:
        self._wipe()
        return [told, Say((Prompt.CANCELLED,))]

    def _wipe(self) -> None:
        for slot in self._slots:
            slot.clear()
        self._slots = []
        self._active = None
        self._silent_since = self._overall = None
        self._stars = 0

    def _around(self) -> Surroundings:
        number = next((slot for slot in self._slots if slot.field is Field.CARD_NUMBER), None)
        brand = self._stored_brand
        if number is not None:
            brand = outlook(number.digits.reveal()).brand if number.valid else None
        return Surroundings(brand, self._rules.brands, self._today, self._postal_code_min)

    def _brand_of(self, slot: _Slot) -> Brand | None:
        if slot.field is Field.CARD_NUMBER:
            return outlook(slot.digits.reveal()).brand
        return self._around().brand

    def _masked(self, slot: _Slot) -> str:
        count = len(slot.digits)
        if slot.field is Field.CARD_NUMBER:
            return masked_number(count, slot.digits.reveal()[-4:], self._brand_of(slot))
        return "•" * count

    def _progress(self, slot: _Slot) -> dict[str, EventValue]:
        shortest, longest = length_limits(slot.field, slot.digits.reveal(), self._around())
        return {
            "field": slot.field,
            "count": len(slot.digits),
            "min": shortest,
            "max": longest,
            "brand": self._brand_of(slot),
        }


__all__ = ["Capture", "FieldView", "NotNowError", "Rules", "UnknownFieldError"]
