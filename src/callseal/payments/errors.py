"""What the payment session refuses, each with a stable id, the HTTP status to answer and advice a person can follow.

Only presses are refused. Facts (a webhook, a report of the edge, a deadline) are never refused: whoever reports one would only
report it again.
"""

from __future__ import annotations

from typing import ClassVar


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not a fault
    """`id`, `status` (RFC 9110) and `advice` are class data; the message says what happened."""

    id: ClassVar[str] = "refused"
    status: ClassVar[int] = 409
    advice: ClassVar[str] = ""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class WrongState(Refusal):
    id = "wrong_state"
    advice = "Look at the card: only the buttons it shows are possible now."


class CallOver(Refusal):
    id = "call_ended"
    status = 410
    advice = "The call is gone. Call the customer back to take the payment."


class PaymentsAreOff(Refusal):
    id = "payments_off"
    advice = "This call cannot take a payment. Go on with the call, or call the customer back."


class ChargeStillOpen(Refusal):
    id = "charge_pending"
    advice = "Wait for the outcome of the last charge; a second one might take the money twice."


class AmountLocked(Refusal):
    id = "amount_locked"
    advice = "Charge the same amount again: the partner then cannot take it twice. For another amount cancel and start again."


class FieldNotAsked(Refusal):
    id = "field_not_asked"
    status = 422
    advice = "Reset one of the fields shown on the card, or all of them."
