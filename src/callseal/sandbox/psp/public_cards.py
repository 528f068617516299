"""The cards the simulator knows. Card providers publish these numbers for tests; none of them is anybody's.

What is not in this table is refused: a simulator never takes a real card. Most numbers answer as they do at the provider that
published them; the last block gives three others the ways in which a PSP fails to answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from callseal.cards import Brand, Pan


class Outcome(StrEnum):
    """What becomes of a charge. The declines are the words of the contract, section 5."""

    APPROVED = "approved"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    DO_NOT_HONOUR = "do_not_honour"
    EXPIRED_CARD = "expired_card"
    INCORRECT_CVC = "incorrect_cvc"
    LOST_CARD = "lost_card"
    GENERIC = "generic"


class Fault(StrEnum):
    """How an answer goes missing."""

    TIMEOUT = "timeout"
    """Taken, `pending` until the time-out has passed, then decided and answered: too late for anybody who waits less."""
    SERVER_ERROR = "server_error"
    """500 at once. Not charged, and the key is not known."""
    REQUEST_LOST = "request_lost"
    """Silence, then 504. Not charged, and the key is not known."""
    ANSWER_LOST = "answer_lost"
    """Charged, then silence and 504. Only a question about the key tells."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a card does. Nothing in here is account data (PCI DSS 3.4.1: brand and last four may be shown)."""

    brand: Brand | None
    last4: str
    outcome: Outcome = Outcome.APPROVED
    fault: Fault | None = None


_NUMBERS: tuple[tuple[str, Outcome | Fault], ...] = (
    ("4242424242424242", Outcome.APPROVED),
    ("4000056655665556", Outcome.APPROVED),
    ("4111111111111111", Outcome.APPROVED),
    ("4012888888881881", Outcome.APPROVED),
    ("5555555555554444", Outcome.APPROVED),
    ("5105105105105100", Outcome.APPROVED),
    ("2223003122003222", Outcome.APPROVED),
    ("378282246310005", Outcome.APPROVED),
    ("371449635398431", Outcome.APPROVED),
    ("6011111111111117", Outcome.APPROVED),
    ("30569309025904", Outcome.APPROVED),
    ("36227206271667", Outcome.APPROVED),
    ("3566002020360505", Outcome.APPROVED),
    ("3530111333300000", Outcome.APPROVED),
    ("6200000000000005", Outcome.APPROVED),
    ("4000000000000002", Outcome.GENERIC),
    ("4000000000009995", Outcome.INSUFFICIENT_FUNDS),
    ("4000000000009987", Outcome.LOST_CARD),
    ("4000000000000069", Outcome.EXPIRED_CARD),
    ("4000000000000127", Outcome.INCORRECT_CVC),
    ("4000000000006975", Outcome.DO_NOT_HONOUR),
    ("4000000000000259", Fault.ANSWER_LOST),
    ("4000000000000341", Fault.REQUEST_LOST),
    ("4000000000000119", Fault.SERVER_ERROR),
)

_PANS = tuple((Pan(number), does) for number, does in _NUMBERS)

STORED_CARDS: dict[str, Plan] = {
    "stored-visa-4242": Plan(Brand.VISA, "4242"),
    "stored-mastercard-4444": Plan(Brand.MASTERCARD, "4444"),
    "stored-amex-0005": Plan(Brand.AMEX, "0005"),
    "stored-visa-9995": Plan(Brand.VISA, "9995", Outcome.INSUFFICIENT_FUNDS),
    "stored-visa-0069": Plan(Brand.VISA, "0069", Outcome.EXPIRED_CARD),
    "stored-visa-0127": Plan(Brand.VISA, "0127", Outcome.INCORRECT_CVC),
}
"""Cards on file, by the id that a merchant would hold. The customer keys the security code only."""


def plan_for(pan: Pan) -> Plan | None:
    """What this number does; None when it is not a public test number."""
    for known, does in _PANS:
        if known == pan:
            if isinstance(does, Fault):
                return Plan(pan.brand, pan.last4, fault=does)
            return Plan(pan.brand, pan.last4, does)
    return None
