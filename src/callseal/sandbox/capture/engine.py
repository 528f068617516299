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

from callseal.cards import Brand, Card
from callseal.sandbox.capture.commands import Command, Prompt, Say, Tell
from callseal.sandbox.capture.fields import Field, Reason
from callseal.sandbox.capture.form import FieldView, Form, Slot, StoredCard
from callseal.sandbox.capture.table import Input, State, step


@dataclass(frozen=True, slots=True)
class Rules:
    """Limits of one capture; times in seconds."""

    inter_digit_s: float = 10.0
    settle_s: float = 3.0
    overall_s: float = 120.0
    attempts: int = 3
    brands: frozenset[Brand] = frozenset(Brand)


class UnknownFieldError(Exception):
    """The capture has no such field."""


class Capture:
    """One session's capture; `start()` may be called again and again."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.state = State.IDLE
        self._form = Form((), brands=rules.brands)
        self._active: Slot | None = None
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
        stored_card: StoredCard | None = None,
        postal_code_min: int = 5,
    ) -> list[Command]:
        """Begin, or begin again. `today` is (year, month).

        Raises `ValueError` for no field, a field asked twice, or a card number together with a stored card.
        """
        if not fields or len(set(fields)) != len(fields):
            raise ValueError("ask for each field once, and for one at least")
        if stored_card is not None and Field.CARD_NUMBER in fields:
            raise ValueError("a stored card has its number already")
        self.state = step(self.state, Input.START)
        self._wipe()
        self._form = Form(
            fields,
            brands=self._rules.brands,
            today=today,
            stored_card=stored_card,
            postal_code_min=postal_code_min,
        )
        self._overall = now + self._rules.overall_s
        return self._activate(self._form.slots[0])

    def reset(self, field: Field | None, *, by: str, now: float) -> list[Command]:
        """Clear one field, or all, and ask for it again. A new card number asks for a new security code too."""
        slots = [slot for slot in self._form.slots if field is None or slot.field is field]
        if self.state in (State.COLLECTING, State.COMPLETE) and not slots:
            raise UnknownFieldError(f"{field} is not part of this capture")
        was_complete = self.state is State.COMPLETE
        self.state = step(self.state, Input.RESET)
        if was_complete:
            self._overall = now + self._rules.overall_s
        commands: list[Command] = []
        for slot in self._form.slots:
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
        card = self._form.card()
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
        commands: list[Command] = [Tell("capture.digit", self._form.progress(slot))]
        if self._form.is_full(slot):
            commands += self._finish(slot)
        return commands

    def _star(self, slot: Slot) -> list[Command]:
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
        good = self._form.fault(self._active) is None
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
        if self._form.fault(slot) is None:
            return self._finish(slot)
        return self._failed(slot, Tell("capture.timed_out", {"field": slot.field, "kind": "inter_digit"}))

    # -- what may be shown -----------------------------------------------------------------------------------------

    def views(self) -> list[FieldView]:
        """Every asked field, for `GET /v1/session`."""
        return [self._form.view(slot, active=slot is self._active) for slot in self._form.slots]

    # -- inside ----------------------------------------------------------------------------------------------------

    def _activate(self, slot: Slot) -> list[Command]:
        self._active = slot
        self._silent_since = None
        self._stars = 0
        return [Tell("capture.started", {"field": slot.field}), Say((Prompt(slot.field.value),))]

    def _finish(self, slot: Slot) -> list[Command]:
        self._silent_since = None
        reason = self._form.fault(slot)
        if reason is not None:
            told = Tell("capture.field_invalid", {"field": slot.field, "reason": reason})
            return self._failed(slot, told, reason)
        slot.valid = True
        done: list[Command] = [Tell("capture.field_completed", self._form.completed(slot))]
        for misfit in self._form.misfits(slot):
            misfit.clear()
            done.append(Tell("capture.field_reset", {"field": misfit.field, "by": "partner"}))
        following = self._form.next_open()
        if following is not None:
            return done + self._activate(following)
        self.state = step(self.state, Input.ALL_VALID)
        self._active = None
        return [*done, Tell("capture.completed"), Say((Prompt.THANK_YOU,))]

    def _failed(self, slot: Slot, told: Tell, reason: Reason | None = None) -> list[Command]:
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
        self._form.wipe()
        self._active = None
        self._silent_since = self._overall = None
        self._stars = 0
