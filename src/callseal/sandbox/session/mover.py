"""Moving a call's media to the bridge and home again: two re-INVITEs each way, third-party call control (RFC 3725).

There: the leg that moves first gets what the bridge made of the other leg's SDP; its answer goes through the bridge and
becomes the other leg's offer. If the second leg refuses, the first goes home.

Home: the first leg gets the other's home SDP, the second gets the first's answer: so each ends up with what the other
really has now, also where an answer differs from what was known before.

Refresh: the same re-INVITEs with what each leg has already. The edge may have lost the relay behind an address, and gives another one in
its answer; so the other leg, or the bridge, is told of it. One movement at a time.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from callseal.sandbox.media.bridge import Bridge
from callseal.sandbox.media.ng_client import MediaError
from callseal.sandbox.session.leg import Leg, Reply
from callseal.sandbox.sip.sdp import facing, streams


class MoveFailedError(Exception):
    """The media is not at the bridge. `reason` as in `session.secure_failed`; `home` is False when a leg stayed behind."""

    def __init__(self, reason: str, *, home: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.home = home


class Mover:
    """`legs` in the order in which they move; `new_bridge` makes the bridge when it is wanted."""

    def __init__(self, new_bridge: Callable[[], Bridge], chance: random.Random) -> None:
        self._new_bridge = new_bridge
        self._chance = chance
        self.bridge: Bridge | None = None
        self._moving = asyncio.Lock()

    async def to_bridge(self, first: Leg, second: Leg) -> None:
        """Both legs to the bridge. Raises `MoveFailedError`."""
        async with self._moving:
            self.bridge = self._new_bridge()
            try:
                await self._to_bridge(self.bridge, first, second)
            except MediaError as error:
                raise MoveFailedError("refused", home=await self._home(first, second)) from error

    async def _to_bridge(self, bridge: Bridge, first: Leg, second: Leg) -> None:
        known = bridge.keys.stand_in(second.home or "")
        to_first = await bridge.offer(second.side, known)
        reply = await first.reoffer_patiently(to_first, self._chance)
        if not reply.ok:
            raise MoveFailedError(_reason(reply), home=await self._home(first, second))
        first.at_bridge = True
        first.note(reply.sdp)
        to_second = await bridge.answer(first.side, first.heard or "")
        reply = await second.reoffer_patiently(to_second, self._chance)
        if not reply.ok:
            raise MoveFailedError(_reason(reply), home=await self._home(first, second))
        second.at_bridge = True
        second.note(reply.sdp)
        if streams(second.heard or "") != streams(known):
            # The second leg answered with another address or key than the one the bridge was built on: tell it.
            await bridge.offer(second.side, second.heard or "")
            await bridge.answer(first.side, first.heard or "")

    async def renegotiate(self, leg: Leg, other: Leg, sdp: str) -> str | None:
        """A peer's own re-INVITE while its media is here: the bridge answers. None when it cannot."""
        if self.bridge is None:
            return None
        try:
            await self.bridge.offer(leg.side, sdp)
            return facing(await self.bridge.answer(other.side, other.heard or ""), sdp)
        except (MediaError, ValueError):
            return None

    async def home(self, first: Leg, second: Leg) -> bool:
        """Every leg that is at the bridge goes home; True when none is left there. The bridge goes last.

        If the first will not go, the second stays with it: alone at home it would talk to nobody.
        """
        async with self._moving:
            return await self._home(first, second)

    async def refresh(self, first: Leg, second: Leg) -> bool:
        """Both legs again, wherever they are; True when both agreed. An edge may be dead altogether: that is found out first."""
        await first.find_an_edge()
        async with self._moving:
            if first.at_bridge or second.at_bridge:
                return await self._refresh_at_bridge(first, second)
            given = second.home or ""
            good = await self._again(first, given)
            good &= await self._again(second, first.home or "")
            if streams(second.home or "") != streams(given):
                good &= await self._again(first, second.home or "")
            return good

    async def _refresh_at_bridge(self, first: Leg, second: Leg) -> bool:
        good = await self._again(first, first.sent or "")
        good &= await self._again(second, second.sent or "")
        if self.bridge is not None:
            try:
                await self.bridge.offer(second.side, second.heard or "")
                await self.bridge.answer(first.side, first.heard or "")
            except MediaError:
                return False
        return good

    async def _again(self, leg: Leg, sdp: str) -> bool:
        reply = await leg.reoffer_patiently(sdp, self._chance)
        if reply.ok:
            leg.note(reply.sdp)
        return reply.ok

    async def _home(self, first: Leg, second: Leg) -> bool:
        before = first.home or ""
        if first.at_bridge and not await self._one_home(first, second.home or ""):
            return False
        if second.at_bridge or streams(first.home or "") != streams(before):
            # A second leg that never left must still be told of new keys.
            given = second.home or ""
            if not await self._one_home(second, first.home or ""):
                return False
            if streams(second.home or "") != streams(given):
                first.note((await first.reoffer_patiently(second.home or "", self._chance)).sdp)
        await self.forget()
        return True

    async def _one_home(self, leg: Leg, sdp: str) -> bool:
        reply = await leg.reoffer_patiently(sdp, self._chance)
        if reply.ok:
            leg.at_bridge = False
            leg.note(reply.sdp)
        return reply.ok

    async def forget(self) -> None:
        """Close the bridge, if there is one."""
        if self.bridge is not None:
            bridge, self.bridge = self.bridge, None
            await bridge.close()


def _reason(reply: Reply) -> str:
    return {408: "timeout", 491: "busy"}.get(reply.code, "refused")
