"""One call through the partner: two legs, and whatever one says the other hears, until media is moved.

While both legs are at home everything passes: SDP untouched, early media, late offers, hold, INFO. A leg whose media is
at the bridge answers its peer's re-INVITEs itself (a session refresh must not undo a secured call).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Protocol

from callseal.sandbox.media.bridge import Side
from callseal.sandbox.session.leg import Leg
from callseal.sandbox.session.mover import Mover
from callseal.sandbox.sip.heard import (
    Acked,
    Answered,
    Heard,
    HungUp,
    InfoCame,
    Progressed,
    Reoffered,
    Withdrawn,
)

_RELAY_TIMEOUT_S = 40.0  # longer than any INVITE transaction: the relay waits for the far end's own answer


class Watcher(Protocol):
    """Who wants to know: the payment session."""

    def answered(self) -> None: ...
    def info(self, leg: Leg, content_type: str, body: str) -> bool:
        """True when the INFO may be relayed."""
        ...

    def over(self, by: Leg | None) -> None:
        """`by` is the leg that hung up or refused."""
        ...


class Call:
    """`caller` is the leg that came in, `callee` the one that was made for it."""

    def __init__(
        self,
        caller: Leg,
        callee: Leg,
        *,
        mover: Mover,
        watcher: Watcher,
        spawn: Callable[[Coroutine[object, object, None]], asyncio.Task[None]],
    ) -> None:
        self.caller = caller
        self.callee = callee
        self.mover = mover
        self._watcher = watcher
        self._spawn = spawn
        self._over = False

    def watched_by(self, watcher: Watcher) -> bool:
        return self._watcher is watcher

    def leg(self, dialog: int) -> Leg:
        return self.caller if dialog == self.caller.dialog else self.callee

    def other(self, leg: Leg) -> Leg:
        return self.callee if leg is self.caller else self.caller

    def in_order(self, first: Side) -> tuple[Leg, Leg]:
        """Both legs, that of this side first."""
        return (self.caller, self.callee) if self.caller.side is first else (self.callee, self.caller)

    def hear(self, heard: Heard) -> None:
        """One thing that happened on one of the two dialogs."""
        if self._over:
            return
        leg = self.leg(heard.dialog)
        match heard:
            case Progressed():
                leg.note(heard.sdp)
                self.caller.answer_early(heard.code, heard.reason, heard.sdp)
            case Answered(first=True):
                self._first_answer(heard)
            case Answered():
                leg.answered(heard)
            case Reoffered():
                self._spawn(self._reoffered(leg, heard.sdp))
            case Withdrawn(first=True):
                self.end(by=leg)
            case Withdrawn():
                self.other(leg).withdraw()
            case Acked():
                self._answered_late(leg, heard.sdp)
            case InfoCame():
                if self._watcher.info(leg, heard.content_type, heard.body):
                    self.other(leg).info(heard.content_type, heard.body)
            case HungUp():
                self.end(by=leg)

    def _answered_late(self, leg: Leg, sdp: str | None) -> None:
        """The answer to a late offer, for the other leg, which has made it; unless the offer was ours, because media is at the bridge."""
        if sdp is None:
            return
        leg.note(sdp)
        other = self.other(leg)
        if not (leg.at_bridge or other.at_bridge):
            other.acknowledge(other.stamped(sdp))

    def _first_answer(self, heard: Answered) -> None:
        self.caller.answer(heard.code, heard.reason, heard.sdp)
        if heard.code < 300:
            self.callee.note(heard.sdp)
            self._watcher.answered()
        else:
            self._finish(self.callee)

    async def _reoffered(self, leg: Leg, sdp: str | None) -> None:
        other = self.other(leg)
        if leg.at_bridge:
            await self._answer_here(leg, other, sdp)
        elif other.at_bridge:
            # Half-way: this leg still has its old session, which goes on unchanged for the moment.
            leg.note(sdp)
            leg.answer(200, "OK", leg.sent)
        else:
            reply = await other.reoffer(sdp, timeout_s=_RELAY_TIMEOUT_S)
            if reply.ok:
                leg.note(sdp)
                other.note(reply.sdp)
            leg.answer(reply.code, reply.reason, reply.sdp)

    async def _answer_here(self, leg: Leg, other: Leg, sdp: str | None) -> None:
        if sdp is None:
            leg.answer(200, "OK", leg.sent)
            return
        answer = await self.mover.renegotiate(leg, other, sdp)
        if answer is None:
            leg.answer(488, "Not Acceptable Here")
        else:
            leg.note(sdp)
            leg.answer(200, "OK", answer)

    def end(self, *, by: Leg | None) -> None:
        """Hang up whatever still stands. `by` has hung up already; None hangs up both."""
        for leg in (self.caller, self.callee):
            if leg is not by:
                leg.hang_up()
        self._finish(by)

    def _finish(self, by: Leg | None) -> None:
        if not self._over:
            self._over = True
            self._watcher.over(by)
