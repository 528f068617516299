"""What the card tells an agent when something did not go as pressed: a code, a sentence, and what to do. Agents read these aloud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from callseal.payments.names import PaymentsOff

Kind = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Notice:
    kind: Kind
    text: str
    advice: str


PAYMENTS_OFF: dict[PaymentsOff, str] = {
    PaymentsOff.NO_TOKEN: "The payment partner did not take part in this call.",
    PaymentsOff.PARTNER_DOWN: "The payment partner cannot be reached.",
    PaymentsOff.TOKEN_REUSED: "The payment partner gave this call a token that was used before.",
    PaymentsOff.PAYMENTS_OFF: "Payments are switched off for this number.",
    PaymentsOff.CARRIER_NOT_TRUSTED: "This call came over a phone company that is not trusted with payments.",
    PaymentsOff.CANARY_FAILED: "A test call heard card digits on an agent's side. No card can be taken until support has looked.",
    PaymentsOff.SWITCHED_OFF: "Payments are switched off for every call at the moment.",
}
"""Why a call can take no payment, as the card says it too (`desk/static/card/text.js`)."""

NOTICES: dict[str, Notice] = {
    "platform_silent": Notice(
        "warning",
        "The contact centre did not confirm that it knows about this call.",
        "You can take the payment. Tell support if this happens again.",
    ),
    "call_vanished": Notice("warning", "The router no longer knows this call.", "Call the customer back."),
    "hold_failed": Notice(
        "error",
        "The router could not block the keypad, so the line was not secured.",
        "Try once more. If it fails again, do not take the card on this call.",
    ),
    "partner_unreachable": Notice(
        "error",
        "The payment partner cannot be reached.",
        "Wait a minute and try again, or call the customer back.",
    ),
    "secure_refused": Notice(
        "error",
        "The payment partner refused to secure the line.",
        "Try once more. If it fails again, call the customer back.",
    ),
    "secure_failed": Notice(
        "error",
        "The payment partner could not secure the line.",
        "Try once more. If it fails again, call the customer back.",
    ),
    "secure_timeout": Notice(
        "error",
        "The line was not secure in time.",
        "Do not take the card yet. Wait until the call is back to normal and try once more.",
    ),
    "leg_refused": Notice(
        "error",
        "A phone refused to move its sound to the payment partner.",
        "Try once more. If it fails again, call the customer back.",
    ),
    "media_silent": Notice(
        "error",
        "The sound was moved to the payment partner, but none arrived there.",
        "Try once more. If it fails again, call the customer back.",
    ),
    "hold_expired": Notice(
        "error",
        "The keypad block ended before the line was secure.",
        "Wait until the call is back to normal and try once more.",
    ),
    "unasked_secure": Notice(
        "warning",
        "The payment partner took over the line although nobody asked it to.",
        "Wait until the call is back to normal. Tell support.",
    ),
    "partner_left": Notice(
        "error",
        "The payment partner left secure mode by itself.",
        "Ask the customer to stop typing. Secure the line again.",
    ),
    "evidence_lost": Notice(
        "error",
        "The line is no longer proven secure.",
        "Ask the customer to stop typing. Secure the line again.",
    ),
    "edge_lost": Notice(
        "error",
        "The desk lost sight of the router.",
        "Ask the customer to stop typing. Secure the line again when the call is back to normal.",
    ),
    "node_lost": Notice(
        "error",
        "A media server failed and the sound was lost. It is being moved to another one.",
        "Wait a few seconds. If the customer was typing, they may have to start that field again.",
    ),
    "media_back": Notice(
        "info",
        "The sound was lost for a moment and is back.",
        "Ask the customer whether they hear you.",
    ),
    "media_gone": Notice(
        "error",
        "The sound was lost and could not be moved.",
        "Hang up and call the customer back.",
    ),
    "partner_gone": Notice(
        "error",
        "The payment partner does not answer any more, so the line is not called secure.",
        "Ask the customer to stop typing. If the call does not come back, hang up and call the customer back.",
    ),
    "desk_restarted": Notice(
        "warning", "The desk was restarted while the line was being secured.", "Secure the line again."
    ),
    "idle": Notice(
        "info",
        "The line was secure for a long time and nothing happened, so the call went back to normal.",
        "Secure the line again.",
    ),
    "cancelled": Notice(
        "info", "The payment was cancelled.", "Secure the line again when the customer is ready."
    ),
    "capture_refused": Notice(
        "error", "The payment partner did not start to take the card.", "Ask for the card again."
    ),
    "reset_refused": Notice(
        "warning", "The payment partner did not reset the field.", "Cancel and ask for the card again."
    ),
    "field_timed_out": Notice(
        "warning",
        "The customer stopped typing, so the field starts again.",
        "Ask the customer to key the whole field once more.",
    ),
    "capture_timed_out": Notice(
        "warning", "Taking the card took too long and was stopped.", "Ask for the card again."
    ),
    "capture_cancelled": Notice(
        "warning",
        "Taking the card was stopped.",
        "Talk to the customer, then ask for the card again or cancel.",
    ),
    "charge_refused": Notice(
        "error",
        "The payment partner did not take the charge. No money was taken.",
        "Charge again, or cancel.",
    ),
    "charge_not_seen": Notice(
        "warning",
        "The charge never reached the payment partner. No money was taken.",
        "Charge the same amount again; it cannot be taken twice.",
    ),
    "charge_unclear": Notice(
        "warning",
        "The payment partner did not answer. The desk is asking what became of the charge.",
        "Wait. Do not charge again.",
    ),
    "outcome_unknown": Notice(
        "error",
        "Nobody knows yet whether the money was taken.",
        "Do not charge again. Tell the customer you will confirm; the desk keeps asking.",
    ),
    "charge_abandoned": Notice(
        "error",
        "After a day it is still not known whether the money was taken.",
        "Look the charge up at the payment provider by its reference.",
    ),
    "declined": Notice(
        "warning", "The bank refused the payment.", "Ask for another card, or go back to the call."
    ),
    "media_at_partner": Notice(
        "error",
        "The sound is still at the payment partner and the keypad block stays on.",
        "Try to go back once more, or hang up and call the customer back.",
    ),
    "partner_silent": Notice(
        "warning",
        "The call is back to normal, but the payment partner did not confirm it.",
        "Go on with the call. Tell support.",
    ),
    "recording_unconfirmed": Notice(
        "warning",
        "The contact centre did not confirm that its recording is paused.",
        "Digits cannot reach the recording while the line is secure. Do not let the customer read the card aloud.",
    ),
}
