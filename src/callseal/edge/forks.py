"""Devices that have answered a call which another had answered first (RFC 3261 section 13.2.2.4).

Such a dialog is ended by who asked, or by the device itself. The latter's BYE looks like the agent's, and where no rtpengine can say whom
the other side hears, only who remembers the answers can tell. In memory: a loser is ended within seconds.
"""

from __future__ import annotations

from collections import OrderedDict

from callseal.edge.anchors import Leg

_REMEMBERED = 10_000


class Forks:
    """`tag` is whatever Kamailio makes of a device's To tag; only compared."""

    def __init__(self) -> None:
        self._lost: OrderedDict[tuple[str, Leg], frozenset[str]] = OrderedDict()

    def lost(self, reference: str, leg: Leg, tag: str) -> None:
        """Another device has the call."""
        key = (reference, leg)
        self._lost[key] = self._lost.get(key, frozenset()) | {tag}
        self._lost.move_to_end(key)
        if len(self._lost) > _REMEMBERED:
            self._lost.popitem(last=False)

    def has_lost(self, reference: str, leg: Leg, tag: str) -> bool:
        """Whether an end of that leg is that of a device which never had the call."""
        return tag in self._lost.get((reference, leg), frozenset())

    def ended(self, reference: str, leg: Leg) -> None:
        """The leg is over."""
        self._lost.pop((reference, leg), None)
