"""Hold: digits and audio of the customer leg stopped, journalled first, ended by themselves.

Who sets one: the desk (at the press of Secure) and Kamailio (before it relays the partner's restoring offer; it tells
us). Who ends one: the desk, Kamailio (at the 2xx of the securing re-INVITE), the end of the leg - or time, and then
this module looks where the media is and decides by `expiry_rule` what may be passed again.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

import structlog

from callseal.edge.anchors import ng_call_id
from callseal.edge.carrier_blocks import CARRIER, CarrierBlocks, NoSuchLegError
from callseal.edge.events import Evidence, Reporter
from callseal.edge.hold_expiry import Lift, Sight, Whereabouts, expiry_rule
from callseal.edge.journal import Hold, Journal
from callseal.edge.locks import ReferenceLocks
from callseal.edge.ng_client import NgRefusedError, NgSilentError
from callseal.edge.nodes import Nodes
from callseal.edge.settings import EdgeSettings

_DISK_PAUSE_S = 1.0
_JUST_NOW_MS = 2_000
_REMEMBERED = 10_000

log = structlog.get_logger("callseal.edge.holds")


class Holds:
    """All holds of this edge. `run()` ends them in time; the rest is called by the two inlets."""

    def __init__(
        self,
        journal: Journal,
        nodes: Nodes,
        reporter: Reporter,
        settings: EdgeSettings,
        *,
        now_ms: Callable[[], int],
    ) -> None:
        self._journal = journal
        self._nodes = nodes
        self._blocks = CarrierBlocks(nodes)
        self._reporter = reporter
        self._settings = settings
        self._now_ms = now_ms
        self._held: dict[str, Hold] = {}
        self._lifted_at: dict[str, int] = {}
        self._unheld_cseq: OrderedDict[str, int] = OrderedDict()
        self._hold_order: OrderedDict[str, int] = OrderedDict()
        self._locks = ReferenceLocks()
        self._wake = asyncio.Event()

    @property
    def active(self) -> int:
        return len(self._held)

    def is_held(self, reference: str) -> bool:
        """Whether anything of that call is stopped, as far as the journal knows."""
        return reference in self._held

    def last_order(self, reference: str) -> int:
        """The number of the last hold that the desk has commanded here, by which it knows of which attempt a report speaks. 0: none
        since this agent was started."""
        return self._hold_order.get(reference, 0)

    async def load(self) -> None:
        """Take over what an earlier run of the agent left behind."""
        self._held = {hold.reference: hold for hold in await self._journal.holds()}

    async def hold(self, reference: str, call_id: str, node: str, ttl_ms: int, *, order: int = 0) -> int:
        """Stop the carrier's digits and audio; returns when it ends by itself (unix ms). `order`: the number of the desk's command,
        0 when it has none.

        Raises `NoSuchLegError`, or `NgSilentError` / `NgRefusedError`, after which whatever part was done is still
        journalled and ends in time.
        """
        async with self._locks(reference):
            self._remember_order(reference, order)
            before = self._held.get(reference)
            expires_at = self._now_ms() + ttl_ms
            hold = Hold(
                reference=reference,
                call_id=call_id,
                node=node,
                expires_at=expires_at,
                limit_at=expires_at + self._settings.hold_limit_ms,
                cseq=before.cseq if before else 0,
            )
            # Journal first: a crash in between leaves a hold that ends, not one that nobody knows of.
            await self._keep(hold)
            try:
                node = await self._blocks.stop(ng_call_id(call_id, "customer"), node)
            except NoSuchLegError:
                await self._forget(reference)
                raise
            if node != hold.node:
                await self._keep(replace(hold, node=node))
            return expires_at

    async def hold_for_agent_leg(self, reference: str) -> None:
        """The agent leg is about to go to the partner: nothing of the customer may reach the platform any more (one anchor).

        A customer leg at the partner, or that no rtpengine has, needs no hold; one that is held already is held for as long as a hold
        lasts from now. Raises `NoSuchLegError` when this agent does not know the call, `NgSilentError` or `NgRefusedError` when the
        leg could not be held.
        """
        async with self._locks(reference):
            before = self._held.get(reference)
            call = await self._journal.call(reference)
            call_id = (call.customer_call_id if call else "") or (before.call_id if before else "")
            node = before.node if before else call.node if call else ""
            if not call_id:
                raise NoSuchLegError(reference)
            located = await self._nodes.find(ng_call_id(call_id, "customer"), node, dead_have_none=True)
            if located is None or located.anchor.partner_place(self._settings.media) == "partner":
                return
            expires_at = self._now_ms() + self._settings.hold_ttl_ms
            if before is None:
                log.warning("held_for_agent_leg", reference=reference)
            else:
                expires_at = max(expires_at, before.expires_at)
            await self._keep(
                Hold(
                    reference=reference,
                    call_id=call_id,
                    node=located.node,
                    expires_at=expires_at,
                    limit_at=expires_at + self._settings.hold_limit_ms,
                    cseq=before.cseq if before else 0,
                )
            )
            try:
                await self._blocks.stop(ng_call_id(call_id, "customer"), located.node)
            except NoSuchLegError:
                await self._forget(reference)

    async def unhold(self, reference: str, call_id: str, node: str, *, order: int = 0) -> None:
        """Pass everything again. A leg that is gone has no hold: no error. Raises `NgSilentError`/`NgRefusedError`;
        the journal then keeps the hold, so that time ends it. One that the desk sent before its last hold, and that the network
        kept so long, lifts nothing: it speaks of an earlier hold."""
        async with self._locks(reference):
            if 0 < order < self._hold_order.get(reference, 0):
                log.warning("unhold_outdated", reference=reference)
                return
            located = await self._nodes.find(ng_call_id(call_id, "customer"), node)
            if located is not None:
                await self._blocks.release(ng_call_id(call_id, "customer"), located.node)
            await self._forget(reference)

    async def noted_held(self, reference: str, call_id: str, node: str, cseq: int) -> None:
        """Kamailio has set the hold itself. Had we just lifted an expired one, our unblock may have come after its
        block: then it is set once more."""
        async with self._locks(reference):
            if cseq and cseq <= self._unheld_cseq.get(reference, 0):
                return  # overtaken by the notice that this very hold is over
            before = self._held.get(reference)
            lifted_at = self._lifted_at.pop(reference, None)
            expires_at = self._now_ms() + self._settings.hold_ttl_ms
            if before is not None:
                expires_at = max(expires_at, before.expires_at)
            await self._keep(
                Hold(
                    reference=reference,
                    call_id=call_id,
                    node=node,
                    expires_at=expires_at,
                    limit_at=expires_at + self._settings.hold_limit_ms,
                    cseq=cseq,
                )
            )
            if lifted_at is not None and self._now_ms() - lifted_at < _JUST_NOW_MS:
                await self._blocks.stop(ng_call_id(call_id, "customer"), node)

    async def noted_unheld(self, reference: str, cseq: int) -> None:
        """Kamailio has ended the hold itself. Notices travel beside each other: one that is older than the re-INVITE
        which set the present hold speaks of an earlier hold."""
        async with self._locks(reference):
            before = self._held.get(reference)
            if before is not None and cseq and cseq < before.cseq:
                return
            self._unheld_cseq[reference] = cseq
            self._unheld_cseq.move_to_end(reference)
            if len(self._unheld_cseq) > _REMEMBERED:
                self._unheld_cseq.popitem(last=False)
            if before is not None:
                await self._forget(reference)

    def _remember_order(self, reference: str, order: int) -> None:
        self._hold_order[reference] = max(order, self._hold_order.get(reference, 0))
        self._hold_order.move_to_end(reference)
        if len(self._hold_order) > _REMEMBERED:
            self._hold_order.popitem(last=False)

    async def ended(self, reference: str) -> None:
        """The customer leg is over."""
        async with self._locks(reference):
            self._unheld_cseq.pop(reference, None)
            self._hold_order.pop(reference, None)
            if reference in self._held:
                await self._forget(reference)

    async def run(self) -> None:
        """End holds when their time is up; until cancelled."""
        while True:
            self._wake.clear()
            now = self._now_ms()
            due = [hold.reference for hold in self._held.values() if hold.expires_at <= now]
            try:
                await asyncio.gather(*(self._expire(reference) for reference in due))
            except sqlite3.Error as error:
                log.critical("journal_unusable", error=str(error))
                await asyncio.sleep(_DISK_PAUSE_S)
            following = min((hold.expires_at for hold in self._held.values()), default=None)
            timeout = None if following is None else max(following - self._now_ms(), 1) / 1000
            try:
                async with asyncio.timeout(timeout):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def whereabouts(self, hold: Hold) -> Whereabouts:
        """Look where both legs of a held call are."""
        call = await self._journal.call(hold.reference)
        customer, node = await self._look(ng_call_id(hold.call_id, "customer"), hold.node)
        agent: Sight = "silent"
        if call is not None and call.agent_call_id:
            agent, _ = await self._look(ng_call_id(call.agent_call_id, "agent"), call.node)
        return Whereabouts(customer=customer, agent=agent, node=node)

    async def _look(self, call_id: str, node: str) -> tuple[Sight, str]:
        try:
            located = await self._nodes.find(call_id, node)
        except NgSilentError:
            return "silent", node
        if located is None:
            return "gone", node
        return located.anchor.partner_place(self._settings.media), located.node

    async def _expire(self, reference: str) -> None:
        async with self._locks(reference):
            hold = self._held.get(reference)
            now = self._now_ms()
            if hold is None or hold.expires_at > now:
                return
            seen = await self.whereabouts(hold)
            one_anchor = self._settings.anchors == "one"
            lift = expiry_rule(seen, one_anchor=one_anchor, out_of_time=now >= hold.limit_at)
            log.warning(
                "hold_expired", reference=reference, customer=seen.customer, agent=seen.agent, lift=lift
            )
            try:
                await self._apply(lift, hold, seen)
            except (NgSilentError, NgRefusedError) as error:
                log.warning("hold_not_lifted", reference=reference, error=str(error))
                await self._look_again(hold)

    async def _apply(self, lift: Lift, hold: Hold, seen: Whereabouts) -> None:
        call_id = ng_call_id(hold.call_id, "customer")
        if lift == "forget":
            await self._forget(hold.reference)
        elif lift == "all":
            await self._blocks.release(call_id, seen.node)
            after = await self.whereabouts(hold)
            if after.customer not in (seen.customer, "gone"):
                # The leg moved while we looked: what was safe to pass no longer is. Stop again and judge afresh.
                await self._blocks.stop(call_id, seen.node)
                await self._look_again(replace(hold, media=True))
                return
            now = self._now_ms()
            self._lifted_at = {k: v for k, v in self._lifted_at.items() if now - v < _JUST_NOW_MS}
            self._lifted_at[hold.reference] = now
            await self._forget(hold.reference)
            await self._tell(hold, seen, held=False)
        elif lift == "media" and hold.media:
            await self._nodes[seen.node].unblock_media(call_id, label=CARRIER)
            await self._look_again(replace(hold, media=False))
            await self._tell(hold, seen, held=True)
        else:
            await self._look_again(hold)

    async def _look_again(self, hold: Hold) -> None:
        await self._keep(replace(hold, expires_at=self._now_ms() + self._settings.hold_step_ms))

    async def _tell(self, hold: Hold, seen: Whereabouts, *, held: bool) -> None:
        await self._reporter.report(
            hold.reference, "hold_expired", "customer", where=seen.customer, evidence=Evidence(held=held)
        )

    async def _keep(self, hold: Hold) -> None:
        # A renewal need not wait for the disk, which has a hold of that leg already: it would end sooner, not never.
        before = self._held.get(hold.reference)
        same_leg = before is not None and (before.call_id, before.node) == (hold.call_id, hold.node)
        await self._journal.write_hold(hold, flush=not same_leg)
        self._held[hold.reference] = hold
        self._wake.set()

    async def _forget(self, reference: str) -> None:
        await self._journal.forget_hold(reference)
        self._held.pop(reference, None)
