"""One CALL snapshot (interfaces.md section 6) for each thing the payment card can show.

Each scenario is a function of `now` (unix ms), so that countdowns and call times are always fresh.
No card number appears here: the card never gets one.
"""

from collections.abc import Callable
from typing import Any

Call = dict[str, Any]

REFERENCE = "5f2c9a7be01d4c3f8a6b7d20e94f1c83"
OTHER = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
DOT = "\u2022"


def call(now: int, **changes: Any) -> Call:
    """A ready inbound call that began 2 min 14 s ago, with `changes` applied."""
    base: Call = {
        "reference": REFERENCE,
        "version": 1,
        "direction": "in",
        "caller": "+447700900123",
        "called": "+442079460801",
        "tenant": "acme",
        "started_at": now - 134_000,
        "state": "ready",
        "deadline_at": now + 60_000,  # the desk's own business: no reason, so the card shows no countdown
        "deadline_reason": "",
        "payments": {"allowed": True, "reason": None},
        "notice": None,
        "allowed": ["secure"],
        "fields": [],
        "amount": None,
        "result": None,
        "evidence": evidence(),
    }
    return base | changes


def evidence(*held: str) -> dict[str, bool]:
    return {name: name in held for name in ("partner", "customer_leg", "agent_leg", "fence")}


PROVEN = evidence("partner", "customer_leg", "agent_leg", "fence")


def field(name: str, state: str = "waiting", count: int = 0, **changes: Any) -> Call:
    lengths = {"card_number": (16, 16), "expiry": (4, 4), "security_code": (3, 3), "postal_code": (5, 7)}
    low, high = lengths[name]
    base: Call = {
        "name": name,
        "state": state,
        "count": count,
        "min": low,
        "max": high,
        "brand": None,
        "masked": "",
        "reason": None,
    }
    return base | changes


VALID_CARD = field("card_number", "valid", 16, brand="visa", masked=f"{DOT * 4} {DOT * 4} {DOT * 4} 4242")
VALID_EXPIRY = field("expiry", "valid", 4, masked=DOT * 4)
VALID_CODE = field("security_code", "valid", 3, masked=DOT * 3)
AMOUNT = {"minor": 4250, "currency": "GBP"}
IDLE = "no digit by then: taking the card is stopped"


def result(outcome: str, **changes: Any) -> Call:
    return {
        "outcome": outcome,
        "authorisation_code": None,
        "brand": "visa",
        "last4": "4242",
        "reason": None,
    } | changes


def offered(now: int) -> Call:
    return call(now, state="offered", started_at=now - 2_000, allowed=[])


def ready(now: int) -> Call:
    return call(now)


def payments_off(now: int) -> Call:
    return call(now, payments={"allowed": False, "reason": "partner_down"}, allowed=[])


def securing(now: int) -> Call:
    return call(
        now,
        state="securing",
        deadline_at=now + 2_400,
        deadline_reason="not secure by then: the call goes back to normal",
        allowed=["cancel"],
        evidence=evidence("partner", "customer_leg"),
    )


def secure_failed(now: int) -> Call:
    notice = {
        "kind": "warning",
        "code": "leg_refused",
        "text": "A phone refused to move its sound to the payment partner.",
        "advice": "Try once more. If it fails again, call the customer back.",
    }
    return call(now, notice=notice)


def secured(now: int) -> Call:
    return call(
        now,
        state="secured",
        deadline_at=now + 287_000,
        deadline_reason="nothing asked by then: the call goes back to normal",
        allowed=["capture", "release", "cancel"],
        evidence=PROVEN,
    )


def capturing(now: int) -> Call:
    return call(
        now,
        state="capturing",
        deadline_at=now + 26_000,
        deadline_reason=IDLE,
        allowed=["reset", "cancel"],
        fields=[field("card_number", "active", 11, brand="visa"), field("expiry"), field("security_code")],
        evidence=PROVEN,
        amount=AMOUNT,
    )


def capturing_invalid(now: int) -> Call:
    return call(
        now,
        state="capturing",
        deadline_at=now + 19_000,
        deadline_reason=IDLE,
        allowed=["reset", "cancel"],
        fields=[
            VALID_CARD
            | {
                "brand": "amex",
                "masked": f"{DOT * 4} {DOT * 6} {DOT}0005",
                "min": 15,
                "max": 15,
                "count": 15,
            },
            field("expiry", "invalid", 4, reason="expired"),
            field("security_code", min=4, max=4),
            field("postal_code"),
        ],
        evidence=PROVEN,
        amount=AMOUNT,
    )


def captured(now: int) -> Call:
    return call(
        now,
        state="captured",
        deadline_at=now + 118_000,
        deadline_reason="not charged by then: the call goes back to normal",
        allowed=["charge", "reset", "release", "cancel"],
        fields=[VALID_CARD, VALID_EXPIRY, VALID_CODE],
        evidence=PROVEN,
        amount=AMOUNT,
    )


def authorising(now: int) -> Call:
    return call(
        now,
        state="authorising",
        deadline_at=now + 27_000,
        deadline_reason="no answer by then: the outcome is unknown",
        allowed=[],
        fields=[VALID_CARD, VALID_EXPIRY, VALID_CODE],
        evidence=PROVEN,
        amount=AMOUNT,
    )


def approved(now: int) -> Call:
    return call(
        now,
        state="approved",
        deadline_at=now + 54_000,
        deadline_reason="the call goes back to normal by itself",
        allowed=["release"],
        evidence=PROVEN,
        amount=AMOUNT,
        result=result("approved", authorisation_code="A7K29Q"),
    )


def declined(now: int) -> Call:
    return secured(now) | {
        "amount": AMOUNT,
        "notice": {
            "kind": "warning",
            "code": "declined",
            "text": "The bank refused the payment.",
            "advice": "Ask for another card, or go back to the call.",
        },
        "result": result("declined", reason="insufficient_funds"),
    }


def outcome_unknown(now: int) -> Call:
    notice = {
        "kind": "warning",
        "code": "outcome_unknown",
        "text": "Nobody knows yet whether the money was taken.",
        "advice": "Do not charge again. Tell the customer you will confirm; the desk keeps asking.",
    }
    return call(
        now,
        state="outcome_unknown",
        allowed=["release"],
        evidence=PROVEN,
        amount=AMOUNT,
        notice=notice,
        result=result("unknown"),
    )


def restoring(now: int) -> Call:
    return call(
        now,
        state="restoring",
        deadline_at=now + 2_600,
        deadline_reason="not home by then: alarm",
        allowed=[],
        evidence=evidence("agent_leg", "fence"),
        amount=AMOUNT,
        result=result("approved", authorisation_code="A7K29Q"),
    )


def media_at_partner(now: int) -> Call:
    notice = {
        "kind": "error",
        "code": "media_at_partner",
        "text": "The sound is still at the payment partner and the keypad block stays on.",
        "advice": "Try to go back once more, or hang up and call the customer back.",
    }
    return call(
        now,
        state="media_at_partner",
        allowed=["release"],
        evidence=evidence("customer_leg", "fence"),
        notice=notice,
    )


def ended(now: int) -> Call:
    return call(
        now, state="ended", allowed=[], amount=AMOUNT, result=result("approved", authorisation_code="A7K29Q")
    )


def paid_and_back(now: int) -> Call:
    return ready(now) | {"amount": AMOUNT, "result": result("approved", authorisation_code="A7K29Q")}


SCENARIOS: dict[str, Callable[[int], Call]] = {
    function.__name__: function
    for function in (
        offered,
        ready,
        payments_off,
        securing,
        secure_failed,
        secured,
        capturing,
        capturing_invalid,
        captured,
        authorising,
        approved,
        declined,
        outcome_unknown,
        restoring,
        media_at_partner,
        ended,
        paid_and_back,
    )
}
