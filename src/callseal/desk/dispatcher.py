"""Carries out commands: one lane per call and addressee, in order within a lane, with retries and idempotency keys.

A command waits in the store's outbox until its answer is written, so a crash in between repeats it under the same key. The one
exception is money: a charge is marked before it is sent, sent once, and never repeated; without a clear answer it is asked about.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from callseal.desk.addressees import Addressees, Caller, TokenGone
from callseal.desk.command_rules import LANES, PATIENCE, SUPERSEDES, refused, unreachable
from callseal.desk.partners import Partners
from callseal.desk.turnstile import Turnstile
from callseal.payments import commands as cmd
from callseal.payments import events as ev
from callseal.payments.names import Do
from callseal.payments.ports import (
    EdgePort,
    Pending,
    PlatformPort,
    Refused,
    StoreUnavailable,
    Unreachable,
)

log = structlog.get_logger("callseal.desk.dispatcher")


@dataclass(slots=True)
class _Item:
    pending: Pending
    sent: bool = False
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def command(self) -> cmd.Command:
        return self.pending.command

    def pointless(self) -> bool:
        """A later command has taken its place."""
        return self.wake.is_set()


class Dispatcher:
    def __init__(self, desk: Caller, *, edges: EdgePort, partners: Partners, platform: PlatformPort) -> None:
        self._desk = desk
        self._addressees = Addressees(desk, edges=edges, partners=partners, platform=platform)
        self._lanes: dict[tuple[str, str], deque[_Item]] = defaultdict(deque)
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._turnstile = Turnstile()

    def submit(self, pending: Sequence[Pending]) -> None:
        for each in pending:
            lane = (each.command.reference, LANES[each.command.do])
            self._lanes[lane].append(_Item(each))
            if lane not in self._tasks:
                self._tasks[lane] = asyncio.create_task(self._drain(lane))

    def supersede(self, reference: str, commands: Sequence[cmd.Command]) -> None:
        """Give up what the new commands make pointless; call before they are submitted."""
        pointless = frozenset[Do]().union(*(SUPERSEDES.get(command.do, frozenset()) for command in commands))
        for lane in {LANES[do] for do in pointless if do in LANES}:
            for item in self._lanes.get((reference, lane), ()):
                if item.command.do in pointless:
                    item.wake.set()

    async def edge_answered(self, reference: str, most_s: float) -> None:
        """Returns when the edge has answered (or refused) every hold of this call, after `most_s` seconds at the latest."""
        lane = self._tasks.get((reference, LANES[Do.HOLD]))
        if lane is not None:
            await asyncio.wait({lane}, timeout=most_s)

    async def close(self) -> None:
        """Stop; what is not done stays in the outbox."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _drain(self, lane: tuple[str, str]) -> None:
        queue = self._lanes[lane]
        try:
            while queue:
                await self._carry_out(queue[0])
                queue.popleft()
        finally:
            del self._tasks[lane]
            if not queue:
                self._lanes.pop(lane, None)

    async def _carry_out(self, item: _Item) -> None:
        command = item.command
        result = "superseded"
        event: ev.Happening | None = None
        try:
            await self._desk.store.on_disk()  # nobody hears of what a power cut could still undo
        except StoreUnavailable:
            log.error("command_held_back", command=str(command.do), reference=command.reference)  # noqa: TRY400 - said by the store
            return
        if command.do is Do.ANNOTATE:
            await self._turnstile.enter()
        if not item.pointless():
            try:
                event, result = await self._try(item)
            except Exception:
                log.exception("command_failed", command=str(command.do), reference=command.reference)
                result = "fault"
        self._desk.metrics.commands.labels(str(command.do), result).inc()
        if result not in ("done", "superseded"):
            log.warning(
                "command_not_done", command=str(command.do), reference=command.reference, result=result
            )
        try:
            if event is None:
                self._desk.store.drop_pending(item.pending.id)
            else:
                self._desk.apply(command.reference, event, source=LANES[command.do], done=item.pending.id)
        except Exception:
            # The row stays in the outbox: the next start decides. Deadlines go on meanwhile.
            log.exception("answer_not_written", command=str(command.do), reference=command.reference)

    async def _try(self, item: _Item) -> tuple[ev.Happening | None, str]:
        """Attempt until it is done, refused, pointless or too late. Returns the event that says so, and a label."""
        command = item.command
        patience = PATIENCE[command.do]
        give_up = self._desk.now_ms() + patience.for_ms
        if isinstance(command, cmd.PartnerSecure):
            give_up = min(give_up, command.give_up_at)
        pause = patience.first_ms
        while True:
            try:
                return await self._addressees.attempt(item.pending), "done"
            except Refused as refusal:
                return refused(command, refusal), "refused"
            except TokenGone:
                return unreachable(command, Unreachable("not_sent", sent=False)), "token_gone"
            except Unreachable as error:
                item.sent |= error.sent
                if item.pointless():
                    return None, "superseded"
                if self._desk.now_ms() + pause > give_up:
                    return unreachable(command, Unreachable(error.reason, sent=item.sent)), "unreachable"
            await self._rest(item, pause)
            if item.pointless():
                return None, "superseded"
            pause = min(pause * 2, patience.most_ms)

    async def _rest(self, item: _Item, pause_ms: int) -> None:
        try:
            async with asyncio.timeout(pause_ms / 1000):
                await item.wake.wait()
        except TimeoutError:
            return
