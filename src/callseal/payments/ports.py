"""Ports: what the payment session needs of the world, as protocols. Adapters implement them; the desk calls nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from callseal.payments.commands import Command
from callseal.payments.events import Happening
from callseal.payments.money import Money
from callseal.payments.names import FieldName, PaymentsOff, Place
from callseal.payments.session import Session


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """The other side understood and said no; asking again will not help. `code` is its error id, `status` its HTTP status."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code


class Unreachable(Exception):  # noqa: N818 - a state of the world
    """No clear answer. `sent` False: certain that the other side never got the request."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent


class PartnerPort(Protocol):
    """A payment partner. Raises `Refused` and `Unreachable`, nothing else. `token` is a secret: never logged, never in a URL.

    **Money moves in `charge` and nowhere else.** A given `key` moves it at most once, whatever happens to the answer.
    """

    async def secure(self, token: str, key: str) -> None: ...
    async def capture(
        self, token: str, key: str, fields: tuple[FieldName, ...], stored_card: str | None
    ) -> None: ...
    async def reset(self, token: str, key: str, field: FieldName | None) -> None: ...
    async def cancel_capture(self, token: str, key: str) -> None: ...
    async def charge(self, token: str, key: str, amount: Money, reference: str) -> None: ...
    async def release(self, token: str, key: str) -> None: ...
    async def refresh(self, token: str, key: str) -> None:
        """Re-INVITE both legs with what they have."""
        ...

    async def answers(self) -> bool:
        """Whether the partner is there at all. Raises nothing."""
        ...

    async def ask_charge(self, key: str) -> Happening:
        """One of ChargeApproved, ChargeDeclined, ChargeUnknown, ChargePending, ChargeNotSeen. Moves no money."""
        ...

    def session_name(self, token: str) -> str:
        """The public name of the token's session, used in webhooks and logs."""
        ...

    def read_webhook(self, headers: Mapping[str, str], body: bytes, now: int) -> PartnerWebhook:
        """Verify, then translate by allow-list. Raises `WebhookRejected`. `now` unix ms."""
        ...


@dataclass(frozen=True, slots=True)
class PartnerWebhook:
    """`event` None: a type this desk has no use for. `at` unix ms, when it happened."""

    id: str
    session: str
    seq: int
    type: str
    at: int
    event: Happening | None


class WebhookRejected(Exception):  # noqa: N818 - an answer
    """Not from the partner, too old, or not readable. `reason` is a metric label: signature, stale, headers, body."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class MediaReport:
    """What an edge says about both legs of one call."""

    customer: Place
    agent: Place
    fenced: bool
    anchored: bool
    held: bool = False
    customer_node: str = ""
    agent_node: str = ""


class EdgePort(Protocol):
    """The edge agents. `edge` is asked first, then the others: the node is a preference. Raises `Refused` and `Unreachable`."""

    async def hold(
        self, *, edge: str, reference: str, call_id: str, node: str, ttl_ms: int, key: str
    ) -> int: ...
    async def unhold(self, *, edge: str, reference: str, call_id: str, node: str, key: str) -> None: ...
    async def media(
        self, *, edge: str, reference: str, customer_call_id: str, agent_call_id: str, node: str
    ) -> MediaReport: ...
    async def nodes(self) -> Mapping[str, Mapping[str, int | None]]:
        """What each edge agent that answers says of each rtpengine: seconds since its start, None when it is silent. Raises nothing."""
        ...


class PlatformCapability(StrEnum):
    ANNOTATE = "annotate"
    RECORDING = "recording"
    FIND_CALL = "find_call"


class PlatformPort(Protocol):
    """A contact centre. `capabilities` is class data; what is not in it raises `NotSupported`. Raises `Refused`, `Unreachable`."""

    capabilities: ClassVar[frozenset[PlatformCapability]]

    async def annotate(self, *, reference: str, state: str, text: str, key: str) -> None: ...
    async def pause_recording(self, *, reference: str, key: str) -> None:
        """Returns only when the platform has acknowledged it."""
        ...

    async def resume_recording(self, *, reference: str, key: str) -> None: ...
    async def find_call(self, correlation: str) -> str | None: ...


class NotSupported(Exception):  # noqa: N818 - a property of the platform
    """This platform cannot do that; its README says so."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A command that waits to be carried out. `attempted_at` None: never sent."""

    id: int
    command: Command
    attempted_at: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to a request with an idempotency key, kept to be said again. `fingerprint` hashes the request."""

    scope: str
    key: str
    fingerprint: str
    status: int
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of a call's history. `body` holds no digit of a card: no masked number, no last four."""

    source: str
    name: str
    before: str
    after: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One event of the browsers' stream."""

    id: int
    tenant: str
    reference: str
    body: str


@dataclass(frozen=True, slots=True)
class Change:
    """Everything one event causes, written in one transaction or not at all. Times are unix milliseconds."""

    session: Session
    at: int
    log: LogEntry
    commands: Sequence[Command] = ()
    card: dict[str, Any] | None = None
    """The call as browsers see it, when it changed."""
    token: str | None = None
    """Set by a hand-off only."""
    seen: tuple[str, str] | None = None
    """(source, id) of the message that caused it, so that it counts once."""
    done: int | None = None
    """The pending command whose answer this is."""
    answer: Answer | None = None
    forget_token: bool = False


@dataclass(frozen=True, slots=True)
class PaymentsSwitch:
    """Payments are off for every call: why (one of `names.SWITCHED`), since when (unix ms), and who did it."""

    reason: PaymentsOff
    at: int
    by: str


class StoreUnavailable(Exception):  # noqa: N818 - a state of the world
    """The store takes no write now (disk full, locked, gone): nothing has changed."""


class StorePort(Protocol):
    """Where the desk keeps calls. Every method is short and synchronous. What it has written survives the process when it returns, and a
    power cut when an `on_disk` that began later returns; either raises `StoreUnavailable`."""

    async def on_disk(self) -> None: ...

    def load(self, reference: str) -> Session | None: ...
    def by_partner_session(self, name: str) -> Session | None: ...
    def open_sessions(self) -> list[Session]: ...
    def live_sessions(self, tenant: str) -> list[Session]: ...
    def count_by_state(self) -> dict[str, int]: ...
    def commit(self, change: Change) -> list[Pending]: ...
    def together(self) -> AbstractContextManager[None]: ...
    def token(self, reference: str) -> str | None: ...
    def pending(self) -> list[Pending]: ...
    def mark_attempted(self, pending: int, now: int) -> None: ...
    def drop_pending(self, pending: int) -> None: ...
    def seen(self, source: str, name: str) -> bool: ...
    def answer(self, scope: str, key: str) -> Answer | None: ...
    def keep_answer(self, answer: Answer, now: int) -> None: ...
    def feed_after(self, last: int, tenant: str, limit: int = 100) -> list[FeedItem]: ...
    def feed_end(self) -> int: ...
    def feed_start(self) -> int: ...
    def history(self, reference: str) -> list[dict[str, Any]]: ...
    def record(self, reference: str) -> dict[str, Any] | None: ...
    def keep_login(self, name: str, login: str, tenant: str, expires_at: int) -> None: ...
    def login(self, name: str, now: int) -> tuple[str, str] | None: ...
    def drop_login(self, name: str) -> None: ...
    def payments_switch(self) -> PaymentsSwitch | None: ...
    def switch_payments(self, off: PaymentsSwitch | None) -> None: ...
    def prune(self, now: int) -> None: ...
    def healthy(self) -> bool: ...
    def close(self) -> None: ...
