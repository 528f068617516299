"""Every word the payment session uses, as `StrEnum`s: what is stored, sent and shown is spelled here and nowhere else."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a payment session is. What may follow what is in `session_table`."""

    OFFERED = "offered"
    READY = "ready"
    SECURING = "securing"
    SECURED = "secured"
    CAPTURING = "capturing"
    CAPTURED = "captured"
    AUTHORISING = "authorising"
    APPROVED = "approved"
    OUTCOME_UNKNOWN = "outcome_unknown"
    RESTORING = "restoring"
    MEDIA_AT_PARTNER = "media_at_partner"
    ENDED = "ended"


class Event(StrEnum):
    """Names of what can happen. Three kinds: presses (may be refused), facts (never refused), conclusions (the engine's own)."""

    # presses: a person at the desk asked for something
    SECURE_PRESSED = "secure_pressed"
    CAPTURE_PRESSED = "capture_pressed"
    RESET_PRESSED = "reset_pressed"
    CHARGE_PRESSED = "charge_pressed"
    CANCEL_PRESSED = "cancel_pressed"
    RELEASE_PRESSED = "release_pressed"
    # facts from the edge
    LEG_MOVED = "leg_moved"
    LEG_REFUSED = "leg_refused"
    LEG_GLARE = "leg_glare"
    LEG_UNDONE = "leg_undone"
    MEDIA_SILENT = "media_silent"
    MEDIA_SEEN = "media_seen"
    HOLD_CONFIRMED = "hold_confirmed"
    HOLD_FAILED = "hold_failed"
    HOLD_EXPIRED = "hold_expired"
    EDGE_LOST = "edge_lost"
    NODE_LOST = "node_lost"
    CALL_ENDED = "call_ended"
    # facts from the partner
    PARTNER_SECURED = "partner_secured"
    PARTNER_SECURE_FAILED = "partner_secure_failed"
    PARTNER_RELEASED = "partner_released"
    PARTNER_STUCK = "partner_stuck"
    PARTNER_ENDED = "partner_ended"
    PARTNER_SILENT = "partner_silent"
    FIELD_STARTED = "field_started"
    DIGIT_COUNTED = "digit_counted"
    FIELD_COMPLETED = "field_completed"
    FIELD_INVALID = "field_invalid"
    FIELD_RESET = "field_reset"
    FIELD_TIMED_OUT = "field_timed_out"
    CAPTURE_COMPLETED = "capture_completed"
    CAPTURE_TIMED_OUT = "capture_timed_out"
    CAPTURE_CANCELLED = "capture_cancelled"
    CHARGE_APPROVED = "charge_approved"
    CHARGE_DECLINED = "charge_declined"
    CHARGE_UNKNOWN = "charge_unknown"
    CHARGE_PENDING = "charge_pending"
    CHARGE_NOT_SEEN = "charge_not_seen"
    CHARGE_FOREIGN = "charge_foreign"
    # facts about what we asked of the partner
    SECURE_NOT_SENT = "secure_not_sent"
    SECURE_REFUSED = "secure_refused"
    CAPTURE_REFUSED = "capture_refused"
    RESET_REFUSED = "reset_refused"
    CHARGE_REFUSED = "charge_refused"
    CHARGE_UNCLEAR = "charge_unclear"
    RELEASE_REFUSED = "release_refused"
    REFRESH_FAILED = "refresh_failed"
    # facts from the platform
    ANNOTATED = "annotated"
    ANNOTATE_FAILED = "annotate_failed"
    RECORDING_UNCONFIRMED = "recording_unconfirmed"
    # facts from the clock and from the process
    DEADLINE = "deadline"
    VERIFY_DUE = "verify_due"
    CHARGE_QUERY_DUE = "charge_query_due"
    RESTARTED = "restarted"
    # conclusions: what the engine finds true after a fact; looked up in the same table
    EVIDENCE_COMPLETE = "evidence_complete"
    EVIDENCE_COMPLETE_CAPTURING = "evidence_complete_capturing"
    EVIDENCE_COMPLETE_CAPTURED = "evidence_complete_captured"
    EVIDENCE_LOST = "evidence_lost"
    LEGS_HOME = "legs_home"
    LEG_STRAYED = "leg_strayed"
    DEADLINE_LEGS_HOME = "deadline_legs_home"
    DEADLINE_MEDIA_LOST = "deadline_media_lost"
    MEDIA_BACK = "media_back"
    CALL_VANISHED = "call_vanished"


PRESSES = frozenset(event for event in Event if event.endswith("_pressed"))
CONCLUSIONS = frozenset(list(Event)[list(Event).index(Event.EVIDENCE_COMPLETE) :])
FACTS = frozenset(Event) - PRESSES - CONCLUSIONS


class Do(StrEnum):
    """What a step asks of the world; `commands` has the full form of each."""

    HOLD = "hold"
    UNHOLD = "unhold"
    QUERY_MEDIA = "query_media"
    SECURE = "secure"
    CAPTURE = "capture"
    RESET = "reset"
    CANCEL_CAPTURE = "cancel_capture"
    CHARGE = "charge"
    QUERY_CHARGE = "query_charge"
    RELEASE = "release"
    REFRESH = "refresh"
    ANNOTATE = "annotate"
    PAUSE_RECORDING = "pause_recording"
    RESUME_RECORDING = "resume_recording"
    FORGET_TOKEN = "forget_token"  # noqa: S105 - a command's name
    NOTIFY = "notify"


class Leg(StrEnum):
    CUSTOMER = "customer"
    AGENT = "agent"


class Place(StrEnum):
    """Where a leg's media is, as far as the edge could prove it."""

    HOME = "home"
    PARTNER = "partner"
    UNKNOWN = "unknown"


class PartnerMode(StrEnum):
    """What the partner is doing for this call, by its own words and by what we asked."""

    IDLE = "idle"
    ASKED = "asked"
    SECURED = "secured"
    RELEASING = "releasing"


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


class PaymentsOff(StrEnum):
    """Why a call can take no payment."""

    NO_TOKEN = "no_token"  # noqa: S105 - a reason
    TOKEN_REUSED = "token_reused"  # noqa: S105 - a reason
    PARTNER_DOWN = "partner_down"
    PAYMENTS_OFF = "payments_off"
    CARRIER_NOT_TRUSTED = "carrier_not_trusted"
    CANARY_FAILED = "canary_failed"
    SWITCHED_OFF = "switched_off"


SWITCHED = frozenset({PaymentsOff.CANARY_FAILED, PaymentsOff.SWITCHED_OFF})
"""Reasons that hold for every call at once, come in the middle of one, and go away again."""


class FieldName(StrEnum):
    CARD_NUMBER = "card_number"
    EXPIRY = "expiry"
    SECURITY_CODE = "security_code"
    POSTAL_CODE = "postal_code"


class FieldState(StrEnum):
    WAITING = "waiting"
    ACTIVE = "active"
    VALID = "valid"
    INVALID = "invalid"


class FieldFault(StrEnum):
    LUHN = "luhn"
    LENGTH = "length"
    BRAND = "brand"
    MONTH = "month"
    EXPIRED = "expired"
    FORMAT = "format"


class Brand(StrEnum):
    VISA = "visa"
    MASTERCARD = "mastercard"
    AMEX = "amex"
    DISCOVER = "discover"
    DINERS = "diners"
    JCB = "jcb"
    MAESTRO = "maestro"
    UNIONPAY = "unionpay"
    OTHER = "other"


class Outcome(StrEnum):
    APPROVED = "approved"
    DECLINED = "declined"
    UNKNOWN = "unknown"


class Decline(StrEnum):
    INSUFFICIENT_FUNDS = "insufficient_funds"
    DO_NOT_HONOUR = "do_not_honour"
    EXPIRED_CARD = "expired_card"
    INCORRECT_CVC = "incorrect_cvc"
    LOST_CARD = "lost_card"
    GENERIC = "generic"


class ChargeState(StrEnum):
    """Where one charge is. Only PENDING is asked about; NOT_SEEN may be sent again under the same key."""

    PENDING = "pending"
    SETTLED = "settled"
    NOT_SEEN = "not_seen"
    ABANDONED = "abandoned"


class By(StrEnum):
    """Who caused something, as the partner tells it."""

    AGENT = "agent"
    CUSTOMER = "customer"
    PARTNER = "partner"
    DESK = "desk"
