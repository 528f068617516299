"""Events: everything a payment session can hear. Frozen, without a clock and without a digit.

`name` is the row of `session_table` an event is looked up under.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from callseal.payments.money import Money
from callseal.payments.names import Brand, By, Decline, Event, FieldFault, FieldName, Leg, Place

GLARE = 491  # RFC 3261 section 14.1: both sides sent a re-INVITE; the partner tries again by itself


class Happening:
    """Base of all events."""

    __slots__ = ()
    name: ClassVar[Event]


# --- presses -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SecurePressed(Happening):
    name: ClassVar[Event] = Event.SECURE_PRESSED
    by: str = ""


@dataclass(frozen=True, slots=True)
class CapturePressed(Happening):
    name: ClassVar[Event] = Event.CAPTURE_PRESSED
    fields: tuple[FieldName, ...]
    stored_card: str | None = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class ResetPressed(Happening):
    """`field` None: all fields."""

    name: ClassVar[Event] = Event.RESET_PRESSED
    field: FieldName | None = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class ChargePressed(Happening):
    name: ClassVar[Event] = Event.CHARGE_PRESSED
    amount: Money
    by: str = ""


@dataclass(frozen=True, slots=True)
class CancelPressed(Happening):
    name: ClassVar[Event] = Event.CANCEL_PRESSED
    by: str = ""


@dataclass(frozen=True, slots=True)
class ReleasePressed(Happening):
    name: ClassVar[Event] = Event.RELEASE_PRESSED
    by: str = ""


# --- the edge ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LegMoved(Happening):
    """2xx, ACK and packets from the new peer. `proved` False: one of the three is missing, so the place is not known. `hold`: the number
    of the last hold that this edge had been commanded when the leg moved, 0 when it cannot say."""

    name: ClassVar[Event] = Event.LEG_MOVED
    leg: Leg
    where: Place
    fenced: bool = False
    proved: bool = True
    edge: str = ""
    node: str = ""
    hold: int = 0


@dataclass(frozen=True, slots=True)
class LegRefused(Happening):
    """A media-moving re-INVITE was answered >= 300. Media had moved at the offer, so until `LegUndone` nobody knows where it is."""

    leg: Leg
    status: int
    edge: str = ""

    @property
    def name(self) -> Event:  # type: ignore[override]
        return Event.LEG_GLARE if self.status == GLARE else Event.LEG_REFUSED


@dataclass(frozen=True, slots=True)
class LegUndone(Happening):
    """The old SDP was offered again and confirmed: the leg is where it was before the refused offer."""

    name: ClassVar[Event] = Event.LEG_UNDONE
    leg: Leg
    edge: str = ""


@dataclass(frozen=True, slots=True)
class MediaSilent(Happening):
    """2xx and ACK, but no packet from the new peer in time."""

    name: ClassVar[Event] = Event.MEDIA_SILENT
    leg: Leg
    edge: str = ""
    node: str = ""


@dataclass(frozen=True, slots=True)
class MediaSeen(Happening):
    """Answer to QueryMedia. `asked_at` (unix ms): older than the last report about a leg, it is not believed. The nodes are "" where
    the edge does not name one."""

    name: ClassVar[Event] = Event.MEDIA_SEEN
    customer: Place
    agent: Place
    fenced: bool
    anchored: bool
    asked_at: int
    customer_node: str = ""
    agent_node: str = ""


@dataclass(frozen=True, slots=True)
class HoldConfirmed(Happening):
    name: ClassVar[Event] = Event.HOLD_CONFIRMED
    expires_at: int = 0


@dataclass(frozen=True, slots=True)
class HoldFailed(Happening):
    name: ClassVar[Event] = Event.HOLD_FAILED
    reason: str = ""


@dataclass(frozen=True, slots=True)
class HoldExpired(Happening):
    name: ClassVar[Event] = Event.HOLD_EXPIRED


@dataclass(frozen=True, slots=True)
class EdgeLost(Happening):
    name: ClassVar[Event] = Event.EDGE_LOST
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NodeLost(Happening):
    """The rtpengine that anchored one of the legs is dead, or was started anew and knows nothing: no sound, wherever it went.
    `node` is its name, an edge's `server_id`."""

    name: ClassVar[Event] = Event.NODE_LOST
    node: str


@dataclass(frozen=True, slots=True)
class CallEnded(Happening):
    """BYE. `leg`: whose side hung up, when the edge knows."""

    name: ClassVar[Event] = Event.CALL_ENDED
    leg: Leg | None = None


# --- the partner -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PartnerSecured(Happening):
    name: ClassVar[Event] = Event.PARTNER_SECURED


@dataclass(frozen=True, slots=True)
class PartnerSecureFailed(Happening):
    name: ClassVar[Event] = Event.PARTNER_SECURE_FAILED
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PartnerReleased(Happening):
    """The partner left secure mode. `stuck`: it could not bring the legs home."""

    by: By
    stuck: bool = False

    @property
    def name(self) -> Event:  # type: ignore[override]
        return Event.PARTNER_STUCK if self.stuck else Event.PARTNER_RELEASED


@dataclass(frozen=True, slots=True)
class PartnerEnded(Happening):
    name: ClassVar[Event] = Event.PARTNER_ENDED
    by: By


@dataclass(frozen=True, slots=True)
class PartnerSilent(Happening):
    """The partner has not answered for a while: what it does with the call is not known."""

    name: ClassVar[Event] = Event.PARTNER_SILENT


@dataclass(frozen=True, slots=True)
class FieldStarted(Happening):
    name: ClassVar[Event] = Event.FIELD_STARTED
    field: FieldName


@dataclass(frozen=True, slots=True)
class DigitCounted(Happening):
    """How many digits the partner has, never which. `shortest`, `longest`: what this field takes."""

    name: ClassVar[Event] = Event.DIGIT_COUNTED
    field: FieldName
    count: int
    shortest: int
    longest: int
    brand: Brand | None = None


@dataclass(frozen=True, slots=True)
class FieldCompleted(Happening):
    """`masked`: dots, and for the card number its last four. Checked by the adapter before it gets here."""

    name: ClassVar[Event] = Event.FIELD_COMPLETED
    field: FieldName
    masked: str
    brand: Brand | None = None
    last4: str | None = None


@dataclass(frozen=True, slots=True)
class FieldInvalid(Happening):
    name: ClassVar[Event] = Event.FIELD_INVALID
    field: FieldName
    reason: FieldFault


@dataclass(frozen=True, slots=True)
class FieldReset(Happening):
    name: ClassVar[Event] = Event.FIELD_RESET
    field: FieldName
    by: By


@dataclass(frozen=True, slots=True)
class CaptureCompleted(Happening):
    name: ClassVar[Event] = Event.CAPTURE_COMPLETED


@dataclass(frozen=True, slots=True)
class FieldTimedOut(Happening):
    """No digit for too long: one attempt of this field is gone and the field starts again."""

    name: ClassVar[Event] = Event.FIELD_TIMED_OUT
    field: FieldName


@dataclass(frozen=True, slots=True)
class CaptureTimedOut(Happening):
    """The whole capture is over and forgotten."""

    name: ClassVar[Event] = Event.CAPTURE_TIMED_OUT


@dataclass(frozen=True, slots=True)
class CaptureCancelled(Happening):
    name: ClassVar[Event] = Event.CAPTURE_CANCELLED
    by: By


@dataclass(frozen=True, slots=True)
class ChargeApproved(Happening):
    name: ClassVar[Event] = Event.CHARGE_APPROVED
    charge: str
    authorisation_code: str | None = None
    brand: Brand | None = None
    last4: str | None = None
    psp_reference: str | None = None


@dataclass(frozen=True, slots=True)
class ChargeDeclined(Happening):
    name: ClassVar[Event] = Event.CHARGE_DECLINED
    charge: str
    reason: Decline = Decline.GENERIC


@dataclass(frozen=True, slots=True)
class ChargeUnknown(Happening):
    """The PSP did not answer the partner. Money may or may not have moved."""

    name: ClassVar[Event] = Event.CHARGE_UNKNOWN
    charge: str


@dataclass(frozen=True, slots=True)
class ChargePending(Happening):
    name: ClassVar[Event] = Event.CHARGE_PENDING
    charge: str


@dataclass(frozen=True, slots=True)
class ChargeNotSeen(Happening):
    """The partner never saw this key. A request may still be on its way, so this alone does not mean "not charged"."""

    name: ClassVar[Event] = Event.CHARGE_NOT_SEEN
    charge: str


@dataclass(frozen=True, slots=True)
class ChargeUnclear(Happening):
    """The charge was sent and no clear answer came back."""

    name: ClassVar[Event] = Event.CHARGE_UNCLEAR
    charge: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ChargeRefused(Happening):
    """Certain: this charge was not and will not be made. `reason` is an id."""

    name: ClassVar[Event] = Event.CHARGE_REFUSED
    charge: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SecureNotSent(Happening):
    """Certain: the partner never got the secure request."""

    name: ClassVar[Event] = Event.SECURE_NOT_SENT
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SecureRefused(Happening):
    name: ClassVar[Event] = Event.SECURE_REFUSED
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CaptureRefused(Happening):
    name: ClassVar[Event] = Event.CAPTURE_REFUSED
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ResetRefused(Happening):
    name: ClassVar[Event] = Event.RESET_REFUSED
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReleaseRefused(Happening):
    """The partner has nothing to release."""

    name: ClassVar[Event] = Event.RELEASE_REFUSED
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RefreshFailed(Happening):
    """The partner did not begin to re-INVITE both legs, or nobody can say."""

    name: ClassVar[Event] = Event.REFRESH_FAILED
    reason: str = ""


# --- the platform, the clock, the process ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Annotated(Happening):
    name: ClassVar[Event] = Event.ANNOTATED


@dataclass(frozen=True, slots=True)
class AnnotateFailed(Happening):
    name: ClassVar[Event] = Event.ANNOTATE_FAILED
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RecordingUnconfirmed(Happening):
    name: ClassVar[Event] = Event.RECORDING_UNCONFIRMED
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DeadlinePassed(Happening):
    name: ClassVar[Event] = Event.DEADLINE


@dataclass(frozen=True, slots=True)
class VerifyDue(Happening):
    name: ClassVar[Event] = Event.VERIFY_DUE


@dataclass(frozen=True, slots=True)
class ChargeQueryDue(Happening):
    name: ClassVar[Event] = Event.CHARGE_QUERY_DUE


@dataclass(frozen=True, slots=True)
class Restarted(Happening):
    """The desk was down: what it knew about media is history, not evidence."""

    name: ClassVar[Event] = Event.RESTARTED


CHARGE_FACTS = (
    ChargeApproved,
    ChargeDeclined,
    ChargeUnknown,
    ChargePending,
    ChargeNotSeen,
    ChargeUnclear,
    ChargeRefused,
)
