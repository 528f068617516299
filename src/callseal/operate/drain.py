"""`callseal drain`: the edge takes no new call, and what is on it comes to its end.

The switch is one number in Kamailio's shared memory (`router/drain.cfg`); a restart forgets it. rtpengine is left alone: a call
that is secured during the drain needs a new anchor, so its session limit must not fall.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from callseal.edge.router_state import DRAINING, RouterState, read_state
from callseal.observe.errors import Error
from callseal.operate.patient import NoAnswerError, Patient, sessions

POLL_S = 1.0


@dataclass(frozen=True, slots=True)
class Left:
    """What is still to be waited for. None: could not be learnt, which is not nothing.

    `anchors`: legs that rtpengine relays. `transactions`: SIP in hand. `notices`: to the edge agent. `rows`: to the desk.
    """

    anchors: int | None
    transactions: int
    notices: int
    rows: int | None

    @property
    def nothing(self) -> bool:
        return (self.anchors, self.transactions, self.notices, self.rows) == (0, 0, 0, 0)

    def __str__(self) -> str:
        return (
            f"{_count(self.anchors)} relayed legs, {self.transactions} transactions,"
            f" {self.notices + (self.rows or 0)}{'' if self.rows is not None else ' or more'} reports on their way to the desk"
        )


def _count(number: int | None) -> str:
    return "an unknown number of" if number is None else str(number)


def switch(patient: Patient, *, draining: bool) -> None:
    """Turn new calls away, or take them again. Raises `RouterSilentError`, `RouterRefusedError`."""
    patient.control.call("pv.shvSet", DRAINING, "int", int(draining))


def left(patient: Patient) -> Left:
    """Raises `RouterSilentError`, `RouterRefusedError`, and `NotDrainingError` when the switch is off (again)."""
    state = read_state(patient.control)
    if not state.draining:
        raise NotDrainingError(
            "the edge is not draining any more: Kamailio was restarted, or somebody ran `callseal undrain`",
            advice="Run `callseal drain` again.",
        )
    return _left(patient, state)


class NotDrainingError(Error):
    """The switch is off although somebody waits for the end of a drain."""

    id = "not_draining"


def _left(patient: Patient, state: RouterState) -> Left:
    # A finished transaction stays in memory for a while (wt_timer); only what still moves counts.
    finished = int(patient.control.call("tm.stats")["waiting"])
    return Left(
        anchors=sessions(patient),
        transactions=max(state.transactions - finished, 0),
        notices=state.queue,
        rows=_rows(patient),
    )


def _rows(patient: Patient) -> int | None:
    try:
        page = patient.get(f"{patient.edge.agent.rstrip('/')}/metrics")
    except NoAnswerError:
        return None
    for line in page.text.splitlines():
        name, _, value = line.partition(" ")
        if name == "callseal_edge_spool_rows":
            return int(float(value))
    return None


def drain(
    patient: Patient,
    *,
    limit_s: float,
    say: Callable[[str], None],
    monotonic: Callable[[], float],
    sleep: Callable[[float], None],
) -> bool:
    """True when nothing is left; False when `limit_s` is over first (the edge goes on draining). Raises as `left`."""
    switch(patient, draining=True)
    say(f"{patient.edge.id} takes no new calls")
    deadline = monotonic() + limit_s
    last: Left | None = None
    while True:
        now = left(patient)
        if now.nothing:
            say("drained: nothing is left on it")
            return True
        if now != last:
            say(f"left: {now}")
            last = now
        if monotonic() >= deadline:
            say("not drained in time; it still takes no new calls")
            return False
        sleep(POLL_S)
