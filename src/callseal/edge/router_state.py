"""What Kamailio says of itself, for the metrics page and for whoever operates the edge. Counts and addresses, nothing of a call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from callseal.edge.router_control import RouterControl, RouterRefusedError

DRAINING = "draining"
"""Name of the shared variable in `router/drain.cfg`."""
MEMORY = "memory"
"""Name of the shared variable in `router/memory.cfg`: 0 enough, 1 short, 2 nearly out."""
MEMORY_PERCENT = "memory_percent"
"""The same file's: KiB that are one per cent of the memory it goes by; 0 until its first look, a tenth of a second after the start."""
_SCRIPT = "script"
"""The group of the counters that the configuration declares."""


class Probe(StrEnum):
    """What the last OPTIONS to a destination has shown."""

    ANSWERED = "answered"
    NONE_YET = "none yet"
    """Neither a probe nor a call has been tried since Kamailio's start, or since it took a new list: it counts as up."""
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class Destination:
    """One line of the dispatcher. `group` is its set. `up` is what probing and failed calls have found, or True before that."""

    group: int
    uri: str
    up: bool
    probe: Probe = Probe.ANSWERED


MEMORY_STALE = "memory_stale"
"""The same file's: 1 when the process that looks was found to hang."""


@dataclass(frozen=True, slots=True)
class RouterState:
    """`events`: the script's counters since Kamailio's start. `queue`: notices that wait for the edge agent.

    `short_of_memory`: 0, 1 (new calls are turned away) or 2 (second halves of calls, too). `guarded`: a process of
    Kamailio looks at its memory.
    """

    events: Mapping[str, int] = field(default_factory=dict)
    destinations: tuple[Destination, ...] = ()
    queue: int = 0
    transactions: int = 0
    free_bytes: int = 0
    total_bytes: int = 0
    short_of_memory: int = 0
    guarded: bool = True
    draining: bool = False


def read_state(control: RouterControl) -> RouterState:
    """Ask for everything. Raises `RouterSilentError`, `RouterRefusedError`."""
    memory = control.call("core.shmmem")
    return RouterState(
        events=_counters(control.call("cnt.grp_get_all", _SCRIPT)),
        destinations=destinations(control.call("dispatcher.list")),
        queue=int(control.call("mqueue.get_size", "agent")["size"]),
        transactions=int(control.call("tm.stats")["current"]),
        free_bytes=int(memory["free"]),
        total_bytes=int(memory["total"]),
        short_of_memory=_shared(control, MEMORY),
        guarded=_shared(control, MEMORY_PERCENT) > 0 and _shared(control, MEMORY_STALE) == 0,
        draining=is_draining(control),
    )


def is_draining(control: RouterControl) -> bool:
    """Whether the edge turns new calls away. Raises as `read_state`; a router without the switch does not drain."""
    return _shared(control, DRAINING) == 1


def _shared(control: RouterControl, name: str) -> int:
    """A shared variable of the script; 0 when it has none of that name."""
    try:
        found = control.call("pv.shvGet", name)
    except RouterRefusedError as refusal:
        if refusal.code == 404:
            return 0
        raise
    return int(found["value"])


def destinations(listing: Any) -> tuple[Destination, ...]:
    """The answer to `dispatcher.list`. Flags: first letter A(ctive), I(nactive), D(isabled), T(rying: it failed, is not out yet);
    the second becomes P with the first result of a probe (`ds_probing_mode` 1)."""
    sets = [record["SET"] for record in listing.get("RECORDS", ())]
    return tuple(_destination(int(one["ID"]), target["DEST"]) for one in sets for target in one["TARGETS"])


def _destination(group: int, listed: Mapping[str, Any]) -> Destination:
    flags = str(listed["FLAGS"])
    probe = {"A": Probe.ANSWERED, "T": Probe.UNANSWERED, "I": Probe.UNANSWERED}.get(flags[:1], Probe.NONE_YET)
    if flags == "AX":
        probe = Probe.NONE_YET
    return Destination(group, str(listed["URI"]), flags[:1] in ("A", "T"), probe)


def _counters(group: Mapping[str, Any]) -> dict[str, int]:
    return {name: int(value) for name, value in group.items()}
