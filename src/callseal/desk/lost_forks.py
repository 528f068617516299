"""Devices that answered a call which another had answered first, as the edges report them (docs/reference/interfaces.md, section 4).

The edge that hears such a device hang up need not be the one that heard it lose, and cannot know then that nobody has left the call.
In memory: a loser is ended within seconds.
"""

from __future__ import annotations

from collections import OrderedDict

_REMEMBERED = 10_000


class LostForks:
    """`tag` says which device of a leg it is; only compared, and without one nobody has lost."""

    def __init__(self) -> None:
        self._lost: OrderedDict[tuple[str, str, str], None] = OrderedDict()

    def lost(self, reference: str, leg: str, tag: str) -> None:
        """Another device has the call."""
        if not tag:
            return
        self._lost[reference, leg, tag] = None
        self._lost.move_to_end((reference, leg, tag))
        if len(self._lost) > _REMEMBERED:
            self._lost.popitem(last=False)

    def has_lost(self, reference: str, leg: str, tag: str) -> bool:
        """Whether an end of that leg is that of a device which never had the call."""
        return (reference, leg, tag) in self._lost
