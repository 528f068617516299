"""Watches a leg after its re-INVITE was answered until the move is proven, or its time is out.

Three things make `leg_moved`: the 2xx (the notice that starts the watch), the partner's ACK, and packets (`evidence`).
For the agent leg at the partner the fence is asserted too (`fence`).

Watches live in memory. An agent that restarts in these 1.5 s forgets them; the desk's own deadline then brings the call
home, and `/v1/media` still tells where it is.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from callseal.edge.acks import AckBook, AckKey
from callseal.edge.anchors import Leg, ng_call_id
from callseal.edge.events import EventKind, Evidence, Reporter
from callseal.edge.evidence import Look, Target, arrived, counters, flows, growth
from callseal.edge.fence import assert_fence
from callseal.edge.ng_client import NgSilentError
from callseal.edge.nodes import Nodes
from callseal.edge.settings import EdgeSettings

_DECIDED_REMEMBERED = 10_000

log = structlog.get_logger("callseal.edge.watcher")


@dataclass(frozen=True, slots=True)
class Answered:
    """A 2xx to a media-moving re-INVITE has passed. `call_id` is the leg's SIP Call-ID."""

    reference: str
    leg: Leg
    call_id: str
    node: str
    cseq: int
    target: Target
    status: int

    @property
    def key(self) -> AckKey:
        return AckKey(self.reference, self.leg, self.cseq)


@dataclass(slots=True)
class _Progress:
    first: Look | None = None
    packets: dict[str, int] | None = None
    fenced: bool | None = None
    gone: bool = False
    hold: int = 0


class Watcher:
    """One watch a leg at most; a newer re-INVITE or the end of the leg replaces it.

    `is_held(reference)` fills the evidence, `hold_order(reference)` says which hold of the desk's came before the move; `count(leg, kind)` is told every verdict.
    """

    def __init__(
        self,
        nodes: Nodes,
        acks: AckBook,
        reporter: Reporter,
        settings: EdgeSettings,
        *,
        is_held: Callable[[str], bool],
        hold_order: Callable[[str], int] = lambda _reference: 0,
        count: Callable[[str, str], None] = lambda _leg, _kind: None,
    ) -> None:
        self._nodes = nodes
        self._acks = acks
        self._reporter = reporter
        self._settings = settings
        self._is_held = is_held
        self._hold_order = hold_order
        self._count = count
        self._watches: dict[tuple[str, Leg], tuple[int, asyncio.Task[None]]] = {}
        self._decided: OrderedDict[AckKey, None] = OrderedDict()

    def answered(self, answer: Answered) -> None:
        """Begin to watch. A retransmitted 2xx is told twice: the second time nothing happens."""
        if answer.key in self._decided:
            return
        self._decided[answer.key] = None
        while len(self._decided) > _DECIDED_REMEMBERED:
            self._decided.popitem(last=False)
        self.cancel(answer.reference, answer.leg)
        task = asyncio.create_task(self._watch(answer))
        self._watches[answer.reference, answer.leg] = (answer.cseq, task)

    def cancel(self, reference: str, leg: Leg) -> None:
        """The leg is over."""
        _, task = self._watches.pop((reference, leg), (0, None))
        if task is not None:
            task.cancel()

    def superseded(self, reference: str, leg: Leg, cseq: int) -> None:
        """The leg moves again, by the re-INVITE `cseq`. Notices may overtake each other: one that speaks of the very
        re-INVITE that is being watched, or of an earlier one, changes nothing."""
        watched, _ = self._watches.get((reference, leg), (cseq, None))
        if watched < cseq:
            self.cancel(reference, leg)

    async def close(self) -> None:
        tasks = [task for _, task in self._watches.values()]
        self._watches.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self, answer: Answered) -> None:
        try:
            await self._decide(answer)
        finally:
            _, task = self._watches.get((answer.reference, answer.leg), (0, None))
            if task is asyncio.current_task():
                del self._watches[answer.reference, answer.leg]

    async def _decide(self, answer: Answered) -> None:
        loop = asyncio.get_running_loop()
        window = self._settings.evidence_window_ms / 1000
        deadline = loop.time() + window
        progress = _Progress(hold=self._hold_order(answer.reference))
        acked = False
        while True:
            moved = await self._look(answer, progress)
            if not acked and self._acks.seen(answer.key):
                acked = True
                deadline = loop.time() + window
            if moved and acked:
                await self._report(answer, "leg_moved", progress, acked=True)
                return
            if loop.time() >= deadline:
                await self._report(answer, "media_silent", progress, acked=acked)
                return
            await asyncio.sleep(self._settings.evidence_poll_ms / 1000)

    async def _look(self, answer: Answered, progress: _Progress) -> bool:
        call_id = ng_call_id(answer.call_id, answer.leg)
        try:
            # One anchor: the agent leg's is not needed at home, so a dead node is as good as one that has none.
            unanchored = (answer.leg, answer.target) == ("agent", "home") and self._settings.anchors == "one"
            located = await self._nodes.find(call_id, answer.node, dead_have_none=unanchored)
            if located is None:
                # It goes away with the restoring re-INVITE, and that is its being home.
                progress.gone = unanchored
                return progress.gone
            look = Look(
                node=located.node,
                place=located.anchor.partner_place(self._settings.media),
                packets=counters(located.anchor, answer.leg),
            )
            if not arrived(look.place, answer.target, self._settings):
                progress.first = None
                return False
            if (answer.leg, answer.target) == ("agent", "partner") and progress.fenced is None:
                _, progress.fenced = await assert_fence(self._nodes, self._settings, call_id, located)
        except NgSilentError:
            return False
        if progress.first is None or progress.first.node != look.node:
            progress.first = look
        progress.packets = growth(progress.first, look)
        return flows(answer.leg, answer.target, progress.packets, muted=self._settings.fence == "mute")

    async def _report(self, answer: Answered, kind: EventKind, progress: _Progress, *, acked: bool) -> None:
        evidence = Evidence(
            status=answer.status,
            acked=acked,
            packets=progress.packets or {},
            fenced=progress.fenced,
            held=self._is_held(answer.reference),
        )
        await self._reporter.report(
            answer.reference,
            kind,
            answer.leg,
            where=answer.target,
            node=progress.first.node if progress.first else "",
            hold=progress.hold,
            evidence=evidence,
        )
        self._count(answer.leg, kind)
        log.info(
            kind,
            reference=answer.reference,
            leg=answer.leg,
            where=answer.target,
            acked=acked,
            packets=dict(evidence.packets),
            fenced=progress.fenced,
            anchor_gone=progress.gone,
        )
