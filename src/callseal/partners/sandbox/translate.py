"""From the partner's JSON to our events, by allow-list. Pure.

A field that is not named here does not exist. Everything that is free text on the wire is checked against a narrow pattern before it
becomes part of an object: if the partner ever puts a card number where a mask, a reference or a code belongs, it stops here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from callseal.observe.scrubber import scrub
from callseal.payments import events as ev
from callseal.payments.events import Happening
from callseal.payments.names import Brand, By, Decline, FieldFault, FieldName
from callseal.payments.ports import PartnerWebhook, WebhookRejected

DOT = "•"
_MASKED_NUMBER = re.compile(rf"[{DOT}* ]{{0,30}}[0-9]{{4}}")
_LAST4 = re.compile(r"[0-9]{4}")
_CODE = re.compile(r"[A-Za-z0-9]{1,10}")
_REFERENCE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_DIGITS_LIKE_A_CARD = re.compile(r"[0-9]{12,}")
_SESSION = re.compile(r"[0-9a-f]{32}")
_CHARGE = re.compile(r"[A-Za-z0-9._-]{1,128}")
_REASON = re.compile(r"[a-z_]{1,40}")
_MOST_DIGITS = 24

Data = Mapping[str, Any]


def read(body: Any, message_id: str, sent_at: int) -> PartnerWebhook:
    """A verified webhook as our event. `sent_at` unix ms, used when the body has no time. Raises `WebhookRejected("body")`."""
    try:
        data = body["data"]
        kind = str(body["type"])
        session = _match(_SESSION, data["session"])
        seq = _count(data["seq"], most=2**31)
        translate = _EVENTS.get(kind)
        event = translate(data) if translate else None
    except (KeyError, TypeError, ValueError):
        raise WebhookRejected("body") from None
    return PartnerWebhook(message_id, session, seq, kind, _when(body.get("timestamp"), sent_at), event)


def read_charge(key: str, body: Any) -> Happening:
    """The answer of `GET /v1/charges/{key}`. Anything that is not a clear outcome is "pending": ask again, never guess."""
    status = body.get("status") if isinstance(body, dict) else None
    if status == "approved":
        return ev.ChargeApproved(
            key,
            _or_none(_CODE, body.get("authorisation_code")),
            _brand(body.get("brand")),
            _or_none(_LAST4, body.get("last4")),
            _reference(body.get("psp_reference")),
        )
    if status == "declined":
        return ev.ChargeDeclined(key, _decline(body.get("reason")))
    return ev.ChargeUnknown(key) if status == "unknown" else ev.ChargePending(key)


def dots(count: int) -> str:
    return DOT * max(0, min(count, _MOST_DIGITS))


def _match(pattern: re.Pattern[str], value: Any) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError("not of the agreed form")
    return value


def _charge(value: Any) -> str:
    """The key of a charge. A webhook that has a card number there is not taken: events are kept."""
    key = _match(_CHARGE, value)
    if scrub(key) != key:
        raise ValueError("a card number for a key")
    return key


def _or_none(pattern: re.Pattern[str], value: Any) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None


def _reference(value: Any) -> str | None:
    """A processor's reference; one that could hold a card number is dropped rather than stored."""
    text = _or_none(_REFERENCE, value)
    return None if text is None or _DIGITS_LIKE_A_CARD.search(text) else text


def _count(value: Any, most: int = _MOST_DIGITS) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise ValueError("not a count")
    return value


def _brand(value: Any) -> Brand | None:
    if value is None:
        return None
    return Brand(value) if value in set(Brand) else Brand.OTHER


def _decline(value: Any) -> Decline:
    return Decline(value) if value in set(Decline) else Decline.GENERIC


def _by(value: Any) -> By:
    return By(value) if value in set(By) else By.PARTNER


def _when(value: Any, otherwise: int) -> int:
    """Unix ms of an ISO 8601 time; a body without one is as old as its delivery."""
    try:
        return int(datetime.fromisoformat(value).timestamp() * 1000)
    except (TypeError, ValueError):
        return otherwise


def _mask(field: FieldName, value: Any) -> str:
    """A card number keeps its last four, anything else keeps nothing but its length."""
    if field is FieldName.CARD_NUMBER:
        return _or_none(_MASKED_NUMBER, value) or ""
    return dots(len(value)) if isinstance(value, str) else ""


def _completed(data: Data) -> Happening:
    field = FieldName(data["field"])
    last4 = _or_none(_LAST4, data.get("last4")) if field is FieldName.CARD_NUMBER else None
    return ev.FieldCompleted(field, _mask(field, data.get("masked")), _brand(data.get("brand")), last4)


def _timed_out(data: Data) -> Happening:
    return (
        ev.FieldTimedOut(FieldName(data["field"])) if data["kind"] == "inter_digit" else ev.CaptureTimedOut()
    )


def _digit(data: Data) -> Happening:
    return ev.DigitCounted(
        FieldName(data["field"]),
        _count(data["count"]),
        _count(data["min"]),
        _count(data["max"]),
        _brand(data.get("brand")),
    )


_EVENTS: dict[str, Callable[[Data], Happening]] = {
    "session.secured": lambda _: ev.PartnerSecured(),
    "session.secure_failed": lambda data: ev.PartnerSecureFailed(_or_none(_REASON, data.get("reason")) or ""),
    "session.released": lambda data: ev.PartnerReleased(
        _by(data.get("by")), stuck=data.get("legs") != "home"
    ),
    "session.ended": lambda data: ev.PartnerEnded(_by(data.get("by"))),
    "capture.started": lambda data: ev.FieldStarted(FieldName(data["field"])),
    "capture.digit": _digit,
    "capture.field_completed": _completed,
    "capture.field_invalid": lambda data: ev.FieldInvalid(
        FieldName(data["field"]), FieldFault(data["reason"])
    ),
    "capture.field_reset": lambda data: ev.FieldReset(FieldName(data["field"]), _by(data.get("by"))),
    "capture.completed": lambda _: ev.CaptureCompleted(),
    "capture.timed_out": _timed_out,
    "capture.cancelled": lambda data: ev.CaptureCancelled(_by(data.get("by"))),
    "charge.approved": lambda data: read_charge(_charge(data["charge"]), {**data, "status": "approved"}),
    "charge.declined": lambda data: read_charge(_charge(data["charge"]), {**data, "status": "declined"}),
    "charge.unknown": lambda data: ev.ChargeUnknown(_charge(data["charge"])),
}
