"""The payment session: what the desk knows about one call. Frozen; every change makes a new one. Holds neither token nor digit."""

from __future__ import annotations

from dataclasses import dataclass, replace

from callseal.payments.money import Money
from callseal.payments.names import (
    Brand,
    ChargeState,
    Decline,
    Direction,
    FieldFault,
    FieldName,
    FieldState,
    Leg,
    Outcome,
    PartnerMode,
    PaymentsOff,
    Place,
    State,
)


@dataclass(frozen=True, slots=True)
class LegView:
    """`before`: where the leg was before an offer that is not settled yet; a refused offer goes back there. `node`: the rtpengine
    that anchors it, "" while it is still the session's."""

    place: Place = Place.HOME
    before: Place = Place.HOME
    node: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The four things that must hold at once before anybody is told that the line is secure."""

    partner: bool
    customer_leg: bool
    agent_leg: bool
    fence: bool

    @property
    def complete(self) -> bool:
        return self.partner and self.customer_leg and self.agent_leg and self.fence


@dataclass(frozen=True, slots=True)
class FieldProgress:
    """One row of the card. `shortest`, `longest` None until the partner said them."""

    name: FieldName
    state: FieldState = FieldState.WAITING
    count: int = 0
    shortest: int | None = None
    longest: int | None = None
    brand: Brand | None = None
    masked: str = ""
    last4: str | None = None
    reason: FieldFault | None = None


@dataclass(frozen=True, slots=True)
class Capture:
    """`done`: the partner says all fields are valid. Times are unix milliseconds."""

    fields: tuple[FieldProgress, ...]
    started_at: int
    progress_at: int
    stored_card: str | None = None
    done: bool = False


@dataclass(frozen=True, slots=True)
class Charge:
    """One wish for money. `key` is sent to the partner as the idempotency key and is what we ask by when in doubt."""

    key: str
    amount: Money
    asked_at: int
    state: ChargeState = ChargeState.PENDING
    queries: int = 0
    next_query_at: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    outcome: Outcome
    authorisation_code: str | None = None
    brand: Brand | None = None
    last4: str | None = None
    reason: Decline | None = None
    psp_reference: str | None = None


@dataclass(frozen=True, slots=True)
class LostFork:
    """A device that answered when another had the call already (RFC 3261 section 13.2.2.4). `tag` says which, and is only compared."""

    leg: Leg
    tag: str


MOST_LOST_FORKS = 32
"""More devices than a call is ever forked to."""


@dataclass(frozen=True, slots=True)
class Session:
    """One call. Times are unix milliseconds; `version` grows with every change an agent can see."""

    reference: str
    tenant: str
    number: str
    direction: Direction
    caller: str
    called: str
    edge: str
    node: str
    region: str
    customer_call_id: str
    agent_call_id: str
    started_at: int
    partner_session: str | None = None
    payments_off: PaymentsOff | None = None

    state: State = State.OFFERED
    version: int = 1
    entered_at: int = 0
    deadline_at: int | None = None
    verify_at: int | None = None
    notice: str | None = None

    commands: int = 0
    """Commands issued so far; numbers their idempotency keys."""
    attempts: int = 0
    """Presses of Secure so far."""
    hold: int = 0
    """Number of the hold that began the last attempt: what an edge saw before it was commanded that hold is of an earlier one."""
    hold_edge: str = ""
    """The edge that was commanded it. Others know nothing of its number."""
    charges: int = 0
    """Charges with a key of their own so far."""
    seq: int = 0
    """`seq` of the last partner webhook that was applied."""

    partner: PartnerMode = PartnerMode.IDLE
    customer: LegView = LegView()
    agent: LegView = LegView()
    fenced: bool = False
    verifying: bool = False
    """The evidence was asked for again after a restart and has not come yet: not lost, and not to be relied on."""
    legs_at: int = 0
    lost_at: int | None = None
    """When a node took the sound of a leg with it. Nobody has seen that leg's media anywhere since."""
    pressed_at: int | None = None
    secured_at: int | None = None

    capture: Capture | None = None
    charge: Charge | None = None
    result: Result | None = None
    partner_id: str = ""
    """The partner whose call it is; "": the deployment's first."""
    lost_forks: tuple[LostFork, ...] = ()
    """The end of one of them is not the call's, whichever edge hears it."""

    @property
    def evidence(self) -> Evidence:
        """A fence counts only on an agent leg that is at the partner."""
        there = self.agent.place is Place.PARTNER
        return Evidence(
            partner=self.partner is PartnerMode.SECURED,
            customer_leg=self.customer.place is Place.PARTNER,
            agent_leg=there,
            fence=there and self.fenced,
        )

    @property
    def legs_home(self) -> bool:
        return self.customer.place is Place.HOME and self.agent.place is Place.HOME

    @property
    def charge_open(self) -> bool:
        """Money may be moving and nobody told us yet."""
        return self.charge is not None and self.charge.state is ChargeState.PENDING

    @property
    def over(self) -> bool:
        """Nothing will happen to this session any more."""
        return self.state is State.ENDED and not self.charge_open

    def touches(self, node: str) -> bool:
        """Whether one of the legs is anchored on that node, as far as the edges have said."""
        return node in (self.customer.node or self.node, self.agent.node or self.node)

    def of_an_earlier_attempt(self, edge: str, hold: int) -> bool:
        """Whether a report of that edge, made after its hold number `hold` (0: it does not know), is older than the last press."""
        return edge == self.hold_edge and 0 < hold < self.hold

    def leg(self, leg: Leg) -> LegView:
        return self.customer if leg is Leg.CUSTOMER else self.agent

    def with_lost(self, fork: LostFork) -> Session:
        """Remembers it; beyond `MOST_LOST_FORKS` the oldest are forgotten."""
        others = tuple(known for known in self.lost_forks if known != fork)
        return replace(self, lost_forks=(*others, fork)[-MOST_LOST_FORKS:])
