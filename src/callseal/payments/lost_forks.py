"""Devices that have answered a call which another had answered first (RFC 3261 section 13.2.2.4).

Such a dialog is ended by who asked, or by the device itself. The latter's BYE looks like the agent's, and where no rtpengine can say whom
the other side hears, only who remembers the answers can tell: the edge agent for what its own router heard, the desk for what the edges
report, because the edge that hears a device hang up need not be the one that heard it lose. In memory: a loser is ended within seconds.
"""

from __future__ import annotations

from collections import OrderedDict

_REMEMBERED = 10_000


class LostForks:
    """`reference` and `leg` name a leg of a call; `tag` says which device of it, is only compared, and without one nobody has lost."""

    def __init__(self) -> None:
        self._lost: OrderedDict[tuple[str, str], frozenset[str]] = OrderedDict()

    def lost(self, reference: str, leg: str, tag: str) -> None:
        """Another device has the call."""
        if not tag:
            return
        key = (reference, leg)
        self._lost[key] = self._lost.get(key, frozenset()) | {tag}
        self._lost.move_to_end(key)
        if len(self._lost) > _REMEMBERED:
            self._lost.popitem(last=False)

    def has_lost(self, reference: str, leg: str, tag: str) -> bool:
        """Whether an end of that leg is that of a device which never had the call."""
        return tag in self._lost.get((reference, leg), frozenset())

    def ended(self, reference: str, leg: str) -> None:
        """The leg is over."""
        self._lost.pop((reference, leg), None)
