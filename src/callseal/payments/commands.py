"""Commands: everything a payment session asks of the world. Each carries what is needed to do it, and an idempotency key,
so that doing it twice is doing it once. None carries the token: whoever executes a partner command looks it up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from callseal.payments.money import Money
from callseal.payments.names import Do, FieldName


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Block digits and audio of the customer leg towards the platform; ends by itself after `ttl_ms`."""

    do: Literal[Do.HOLD] = Do.HOLD
    reference: str
    key: str
    edge: str
    node: str
    call_id: str
    ttl_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unhold:
    do: Literal[Do.UNHOLD] = Do.UNHOLD
    reference: str
    key: str
    edge: str
    node: str
    call_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryMedia:
    """Ask the edge where both legs' media is."""

    do: Literal[Do.QUERY_MEDIA] = Do.QUERY_MEDIA
    reference: str
    key: str
    edge: str
    node: str
    customer_call_id: str
    agent_call_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerSecure:
    """`give_up_at` unix ms: after that the answer no longer matters."""

    do: Literal[Do.SECURE] = Do.SECURE
    reference: str
    key: str
    give_up_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerCapture:
    do: Literal[Do.CAPTURE] = Do.CAPTURE
    reference: str
    key: str
    fields: tuple[FieldName, ...]
    stored_card: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerReset:
    do: Literal[Do.RESET] = Do.RESET
    reference: str
    key: str
    field: FieldName | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerCancelCapture:
    do: Literal[Do.CANCEL_CAPTURE] = Do.CANCEL_CAPTURE
    reference: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerCharge:
    """Money moves here and nowhere else. Sent at most once by the dispatcher; `key` is the charge's own name."""

    do: Literal[Do.CHARGE] = Do.CHARGE
    reference: str
    key: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryCharge:
    """Ask what became of the charge `charge`. No money moves."""

    do: Literal[Do.QUERY_CHARGE] = Do.QUERY_CHARGE
    reference: str
    key: str
    charge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerRelease:
    do: Literal[Do.RELEASE] = Do.RELEASE
    reference: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerRefresh:
    """Re-INVITE both legs with what they have, so that media finds a relay that lives. Changes nothing else."""

    do: Literal[Do.REFRESH] = Do.REFRESH
    reference: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotate:
    do: Literal[Do.ANNOTATE] = Do.ANNOTATE
    reference: str
    key: str
    state: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseRecording:
    do: Literal[Do.PAUSE_RECORDING] = Do.PAUSE_RECORDING
    reference: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeRecording:
    do: Literal[Do.RESUME_RECORDING] = Do.RESUME_RECORDING
    reference: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetToken:
    """Carried out by the store in the same transaction that records why."""

    do: Literal[Do.FORGET_TOKEN] = Do.FORGET_TOKEN
    reference: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """The card changed: tell the browsers. Carried out in the same transaction too, so no update can be lost."""

    do: Literal[Do.NOTIFY] = Do.NOTIFY
    reference: str
    key: str


Command = (
    Hold
    | Unhold
    | QueryMedia
    | PartnerSecure
    | PartnerCapture
    | PartnerReset
    | PartnerCancelCapture
    | PartnerCharge
    | QueryCharge
    | PartnerRelease
    | PartnerRefresh
    | Annotate
    | PauseRecording
    | ResumeRecording
    | ForgetToken
    | Notify
)
