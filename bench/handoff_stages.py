"""Where the time of a hand-off goes, from what edge agent and desk log of it anyway."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

STAGES = ("to_edge_disk", "to_desk_store", "to_card")


@dataclass(frozen=True, slots=True)
class Handed:
    """One call, monotonic s: the partner's INVITE left, the event came to the agent's stream, the stream said that the platform
    knows the call (`ready`), the BYE left, the stream said that the call is over."""

    reference: str
    left: float
    shown: float
    ready: float
    hung_up: float
    ended: float


def stages(calls: Iterable[Handed], edge_log: Path, desk_log: Path) -> dict[str, list[float]]:
    """Seconds: from the INVITE to the record on the edge's disk (router, Kamailio's queue, POST, flush), from there into the
    desk's store (spool, POST), from there to the agent's stream (the desk's flush). A call that a log does not name is left out."""
    taken, offered = _times(edge_log, "handoff_taken"), _times(desk_log, "call_offered")
    found: dict[str, list[float]] = {name: [] for name in STAGES}
    for call in calls:
        if call.reference in taken and call.reference in offered:
            marks = (call.left, taken[call.reference], offered[call.reference], call.shown)
            for name, begin, end in zip(STAGES, marks, marks[1:], strict=False):
                found[name].append(end - begin)
    return found


def _times(log: Path, event: str) -> dict[str, float]:
    """Reference to monotonic seconds of the first line with that event."""
    offset = time.time() - time.monotonic()
    found: dict[str, float] = {}
    with log.open(encoding="utf-8") as lines:
        for line in lines:
            if event in line:
                entry = json.loads(line)
                at = datetime.fromisoformat(entry["at"]).timestamp() - offset
                found.setdefault(entry["reference"], at)
    return found
