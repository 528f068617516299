"""Who is who in a capture: which dialogs are one call, which host is the agent's side, what way each stream goes.

A router of ours says it in its Record-Route (leg, direction, reference). Of other captures it is inferred: an SDP address that both dialogs
name, or the same numbers at the same time, make one call; who called first is the customer. What was inferred is said in the verdict.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from callseal.audit.signalling import Described, Dialog, Passed

TOGETHER_S = 5.0
"""Two dialogs with the same numbers that begin this close are one call."""


@dataclass(slots=True)
class Call:
    """Dialogs of one call, and its hosts (`address` or, when all is on one address, `address:port`); "" = not in the capture."""

    dialogs: list[Dialog]
    known_by: str
    """record-route, given or inferred."""
    customer: str = ""
    partner: str = ""
    agent: str = ""
    notes: list[str] = field(default_factory=list)
    by_port: bool = False
    since: float | None = None
    """When the capture began, for a call that was up by then."""
    _named: dict[tuple[str, int], str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The call's reference, or the first Call-ID."""
        return next((one.reference for one in self.dialogs if one.reference), self.dialogs[0].call_id)

    @property
    def begin(self) -> float:
        first = min(one.begin for one in self.dialogs)
        return first if self.since is None else min(first, self.since)

    @property
    def begun(self) -> bool:
        """Whether the capture holds the beginning of every leg that is in it."""
        return all(one.begun for one in self.dialogs)

    @property
    def ended(self) -> float | None:
        """When the last leg ended; None when one has not."""
        ends = [one.ended for one in self.dialogs]
        return None if None in ends else max(end for end in ends if end is not None)

    def host(self, where: str) -> str:
        """The host of an `address:port` of SIP, as this call names hosts."""
        return where if self.by_port else where.rpartition(":")[0].strip("[]")

    def leg(self, name: str) -> Dialog | None:
        return next((one for one in self.dialogs if one.leg == name), None)

    def descriptions(self) -> list[tuple[Dialog, Described]]:
        """Every SDP of the call, in order."""
        every = [(dialog, one) for dialog in self.dialogs for one in dialog.descriptions]
        return sorted(every, key=lambda pair: pair[1].at)

    def owner(self, where: tuple[str, int]) -> str:
        """The role of whose media address this is: who named it first; "edge" for a host in the middle, "" when nobody did."""
        source = self.named.get(where)
        return "" if source is None else self.role(self.host(source))

    @property
    def named(self) -> dict[tuple[str, int], str]:
        """Every media address of the call, and who named it first. Looked up once: the dialogs are complete by then."""
        if not self._named:
            for _, one in self.descriptions():
                for where in one.addresses:
                    self._named.setdefault(where, one.source)
        return self._named

    def role(self, host: str) -> str:
        for name in ("agent", "customer", "partner"):
            if host and host == getattr(self, name):
                return name
        return "edge"

    def agent_addresses(self) -> frozenset[str]:
        """Addresses at which the agent's side said it hears."""
        return frozenset(
            address
            for _, one in self.descriptions()
            if self.agent and self.host(one.source) == self.agent
            for address, _ in one.addresses
        )


def calls_of(dialogs: Iterable[Dialog], agent: str = "") -> list[Call]:
    """Every call with an INVITE, in the order of their beginnings. `agent` is the address of the agent's side, when somebody said it."""
    found = [one for one in dialogs if any(one.invites)]
    groups: list[list[Dialog]] = []
    near: list[list[Dialog]] = []
    """Those that a dialog may still join by what it says; of the others none is open any more."""
    by_reference: dict[str, list[Dialog]] = {}
    for dialog in sorted(found, key=lambda one: one.begin):
        if dialog.reference:
            home = by_reference.get(dialog.reference)
        else:
            near = [group for group in near if any(_open(one, dialog.begin) for one in group)]
            home = next((group for group in near if any(_together(one, dialog) for one in group)), None)
        if home is None:
            home = []
            groups.append(home)
            if not dialog.reference:
                near.append(home)
        home.append(dialog)
        if dialog.reference:
            by_reference[dialog.reference] = home
    return [_named(group, agent) for group in groups]


def _open(one: Dialog, at: float) -> bool:
    return at <= (one.ended if one.ended is not None else one.end)


_ONE_DIALOG = "one dialog: the caller is taken for the customer, the callee for the agent's side; --agent ADDRESS says otherwise"
_TWO_DIALOGS = "the first dialog is taken for the customer leg, the last for the agent leg; --agent ADDRESS says otherwise"


def _together(one: Dialog, other: Dialog) -> bool:
    if one.reference or other.reference:
        return one.reference == other.reference
    if not _open(one, other.begin):
        return False
    named = {where for each in one.descriptions for where in each.addresses}
    if any(where in named for each in other.descriptions for where in each.addresses):
        return True
    return (
        one.users != ("", "")
        and abs(one.begin - other.begin) < TOGETHER_S
        and (one.users[1] == other.users[1] != "")
    )


def _named(dialogs: list[Dialog], agent: str) -> Call:
    addresses = {
        where.rpartition(":")[0]
        for one in dialogs
        for each in one.messages
        for where in (each.source, each.destination)
    }
    ours = any(one.leg for one in dialogs)
    call = Call(dialogs, "record-route" if ours else "inferred", by_port=len(addresses) < 2)
    if ours:
        _from_routes(call)
    else:
        _inferred(call)
    if agent:
        if agent == call.customer and len(dialogs) == 1:  # the guess was the wrong way round
            call.customer = call.agent
        call.agent, call.known_by = agent, "given"
        call.notes[:] = [one for one in call.notes if one not in (_ONE_DIALOG, _TWO_DIALOGS)]
    elif not call.agent:
        call.notes.append("the agent's side is not in the capture")
    return call


def _from_routes(call: Call) -> None:
    customer, agent = call.leg("customer"), call.leg("agent")
    if customer is not None and agent is not None and _from_the_middle(call, customer, agent):
        return
    if customer is not None:
        begin, end, hosts = _ends(call, customer)
        outward = customer.direction.endswith("o")
        call.customer, partner = (end, begin) if outward else (begin, end)
        call.partner = partner if hosts > 2 else ""  # of two hosts, one is the edge
    if agent is not None:
        begin, end, hosts = _ends(call, agent)
        outward = agent.direction.endswith("o")
        call.agent, partner = (begin, end) if outward else (end, begin)
        call.partner = call.partner or (partner if hosts > 2 else "")
    if len(call.dialogs) == 1 and call.dialogs[0].direction.startswith("b"):  # bypassed: no partner in it
        begin, end, _ = _ends(call, call.dialogs[0])
        call.customer, call.agent = (begin, end) if call.dialogs[0].direction == "bi" else (end, begin)
        call.partner = ""


def _from_the_middle(call: Call, customer: Dialog, agent: Dialog) -> bool:
    """A capture that begins within the call shows re-INVITEs of anybody: the partner is then who is at an end of both legs."""
    if customer.begun and agent.begun:
        return False
    call.notes.append("the capture begins within the call")
    ends = [frozenset(_ends(call, leg)[:2]) for leg in (customer, agent)]
    common = ends[0] & ends[1]
    if len(common) != 1 or min(map(len, ends)) != 2:
        return False
    (call.partner,) = common
    (call.customer,) = ends[0] - common
    (call.agent,) = ends[1] - common
    return True


def _inferred(call: Call) -> None:
    first, last = call.dialogs[0], call.dialogs[-1]
    if not (first.begun and last.begun):
        call.notes.append("the capture begins within the call: who called whom is not known")
        first.leg = "call" if first is last else ""
        return
    call.customer, first_end, _ = _ends(call, first)
    last_begin, call.agent, _ = _ends(call, last)
    if first is last:
        first.leg = "call"
        call.notes.append(_ONE_DIALOG)
        return
    first.leg, last.leg = "customer", "agent"
    call.notes.append(_TWO_DIALOGS)
    if first_end == last_begin:
        call.partner = first_end


def _ends(call: Call, dialog: Dialog) -> tuple[str, str, int]:
    """(host that sent the first INVITE, host that it reached in the end, how many hosts it saw); of re-INVITEs the one that was seen longest."""
    first = next((one for one in dialog.invites if not one.in_dialog), None)
    if first is not None:
        return _path(call, dialog, first)
    return max((_path(call, dialog, one) for one in dialog.invites), key=lambda path: path[2])


def _path(call: Call, dialog: Dialog, first: Passed) -> tuple[str, str, int]:
    """Where a host tried several, one after the other, the one that took the call counts, else the last."""
    hops: dict[str, str] = {}
    took: set[tuple[str, str]] = set()
    tries = [
        one
        for one in dialog.messages
        if one.method == "INVITE" and one.cseq == first.cseq and one.at >= first.at
    ]
    for one in tries:
        if 200 <= one.status < 300:
            took.add((call.host(one.destination), call.host(one.source)))
    for one in tries:
        source, destination = call.host(one.source), call.host(one.destination)
        if one.status == 0 and (source, hops.get(source, "")) not in took:
            hops[source] = destination
    begin = at = call.host(first.source)
    seen = 1
    for _ in range(len(hops)):
        if at not in hops or hops[at] == begin:
            break
        at, seen = hops[at], seen + 1
    return begin, at, seen
