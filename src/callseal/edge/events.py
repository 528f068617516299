"""The events an edge reports, as the desk reads them (docs/reference/interfaces.md, section 4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from callseal.edge.anchors import Leg
from callseal.edge.spool import Spool

EventKind: TypeAlias = Literal[
    "leg_moved", "leg_refused", "leg_undone", "media_silent", "hold_expired", "call_ended", "fork_lost"
]

_VERDICTS = ("leg_moved", "media_silent")
_END_PATIENCE_MS = 1_000
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def ulid(now_ms: int, randomness: bytes) -> str:
    """A ULID: 48 bits of time, 80 bits of randomness, 26 characters of Crockford's base 32."""
    if len(randomness) != 10:
        raise ValueError("a ULID takes 10 random bytes")
    value = (now_ms << 80) | int.from_bytes(randomness, "big")
    return "".join(_CROCKFORD[value >> shift & 31] for shift in range(125, -1, -5))


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen. None: not looked at, or it does not apply to this leg. `packets`: counts since the look began."""

    status: int | None = None
    acked: bool | None = None
    packets: Mapping[str, int] = field(default_factory=dict)
    fenced: bool | None = None
    held: bool | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "acked": self.acked,
            "packets": dict(self.packets),
            "fenced": self.fenced,
            "held": self.held,
        }


class Reporter:
    """Writes events to the spool; the event is on the disk when `report` returns, if it is one that must be.

    A verdict on a leg need not: the watch that found it lived in memory, a power cut takes either. And it is what the
    agent who pressed Secure waits for.
    """

    def __init__(
        self, spool: Spool, *, edge: str, now_ms: Callable[[], int], random_bytes: Callable[[int], bytes]
    ) -> None:
        self._spool = spool
        self._edge = edge
        self._now_ms = now_ms
        self._random_bytes = random_bytes

    async def report(
        self,
        reference: str,
        kind: EventKind,
        leg: Leg,
        *,
        where: str | None = None,
        node: str = "",
        hold: int = 0,
        tag: str = "",
        evidence: Evidence | None = None,
    ) -> None:
        """`tag`: which device of the leg, where several may have answered. `node`: the rtpengine that anchors the leg, where it was seen. `hold`: the number of the desk's last hold before the move,
        0 when this agent knows of none."""
        now = self._now_ms()
        event_id = ulid(now, self._random_bytes(10))
        body = {
            "event_id": event_id,
            "edge": self._edge,
            "at": now,
            "reference": reference,
            "kind": kind,
            "leg": leg,
            "where": where,
            **({"node": node} if node else {}),
            **({"hold": hold} if hold else {}),
            **({"tag": tag} if tag else {}),
            "evidence": (evidence or Evidence()).as_json(),
        }
        await self._spool.put(
            reference=reference,
            kind="event",
            idempotency_key=event_id,
            body=body,
            now=now,
            flush=kind not in _VERDICTS,
            patience_ms=_END_PATIENCE_MS if kind == "call_ended" else 0,
        )
