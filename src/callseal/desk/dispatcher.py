"""Carries out commands: one lane per call and addressee, in order within a lane, with retries and idempotency keys.

A command waits in the store's outbox until its answer is written, so a crash in between repeats it under the same key. The one
exception is money: a charge is marked before it is sent, sent once, and never repeated; without a clear answer it is asked about.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from callseal.desk.metrics import Metrics
from callseal.desk.partners import Partners
from callseal.payments import commands as cmd
from callseal.payments import events as ev
from callseal.payments.names import Do
from callseal.payments.ports import (
    EdgePort,
    PartnerPort,
    Pending,
    PlatformPort,
    Refused,
    StorePort,
    StoreUnavailable,
    Unreachable,
)

log = structlog.get_logger("callseal.desk.dispatcher")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try (ms from the first attempt), and the pauses between attempts."""

    for_ms: int
    first_ms: int = 100
    most_ms: int = 1_000


ONCE = Patience(0)
PATIENCE: dict[Do, Patience] = {
    Do.HOLD: Patience(1_500, most_ms=300),  # the agent waits, and the secure deadline is near
    Do.UNHOLD: Patience(10_000),  # as long as the hold lasts; after that it is gone by itself
    Do.QUERY_MEDIA: Patience(1_500, most_ms=300),
    Do.SECURE: Patience(1_500, most_ms=300),
    Do.CAPTURE: Patience(4_000),
    Do.RESET: Patience(4_000),
    Do.CANCEL_CAPTURE: Patience(4_000),
    Do.CHARGE: ONCE,
    Do.QUERY_CHARGE: ONCE,  # the session asks again, with its own back-off
    Do.RELEASE: Patience(5_000),
    Do.REFRESH: Patience(4_000),
    Do.ANNOTATE: Patience(60_000, first_ms=250, most_ms=10_000),
    Do.PAUSE_RECORDING: Patience(3_000),
    Do.RESUME_RECORDING: Patience(60_000, first_ms=250, most_ms=10_000),
}
LANES: dict[Do, str] = {
    Do.HOLD: "edge",
    Do.UNHOLD: "edge",
    Do.QUERY_MEDIA: "media",
    Do.SECURE: "partner",
    Do.CAPTURE: "partner",
    Do.RESET: "partner",
    Do.CANCEL_CAPTURE: "partner",
    Do.CHARGE: "partner",
    Do.RELEASE: "partner",
    Do.REFRESH: "partner",
    Do.QUERY_CHARGE: "money",
    Do.ANNOTATE: "platform",
    Do.PAUSE_RECORDING: "recording",
    Do.RESUME_RECORDING: "recording",
}
# What a new command makes pointless, if it is still waiting or being tried again.
SUPERSEDES: dict[Do, frozenset[Do]] = {
    Do.HOLD: frozenset({Do.UNHOLD, Do.HOLD, Do.QUERY_MEDIA}),  # an older question is about another time
    Do.UNHOLD: frozenset({Do.HOLD}),
    Do.RELEASE: frozenset({Do.SECURE, Do.CAPTURE, Do.RESET, Do.CANCEL_CAPTURE, Do.RELEASE}),
    Do.REFRESH: frozenset({Do.REFRESH}),
    Do.RESUME_RECORDING: frozenset({Do.PAUSE_RECORDING}),
    Do.PAUSE_RECORDING: frozenset({Do.RESUME_RECORDING}),
    Do.FORGET_TOKEN: frozenset(
        {Do.HOLD, Do.QUERY_MEDIA, Do.SECURE, Do.CAPTURE, Do.RESET, Do.CANCEL_CAPTURE, Do.RELEASE, Do.REFRESH}
    ),
}
_LATER = (Do.ANNOTATE, Do.PAUSE_RECORDING, Do.RESUME_RECORDING, Do.UNHOLD, Do.QUERY_CHARGE)
_CONFLICT = "idempotency_conflict"
_REFRESHES_AT_A_TIME = 4
"""A node that dies asks for one of each call on it. The partner answers more slowly the more it has to do: so it sets the pace."""


def keep_after_restart(command: cmd.Command) -> bool:
    """Whether a command left over from before a crash still makes sense. The others are decided anew."""
    return command.do in _LATER


class _TokenGone(Exception):  # noqa: N818 - a state of the world
    """The call has ended: there is nothing left to authenticate with."""


class Caller(Protocol):
    """What the dispatcher needs of the desk."""

    store: StorePort
    metrics: Metrics
    now_ms: Callable[[], int]

    def apply(self, reference: str, event: ev.Happening, *, source: str, done: int | None = None) -> Any: ...


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
        self._edges = edges
        self._partners = partners
        self._platform = platform
        self._lanes: dict[tuple[str, str], deque[_Item]] = defaultdict(deque)
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._refreshing = asyncio.Semaphore(_REFRESHES_AT_A_TIME)

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
                return await self._attempt(item), "done"
            except Refused as refusal:
                return refused(command, refusal), "refused"
            except _TokenGone:
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

    async def _attempt(self, item: _Item) -> ev.Happening | None:  # noqa: PLR0912 - one line a command
        command = item.command
        match command:
            case cmd.Hold():
                expires_at = await self._edges.hold(
                    edge=command.edge,
                    reference=command.reference,
                    call_id=command.call_id,
                    node=command.node,
                    ttl_ms=command.ttl_ms,
                    key=command.key,
                )
                return ev.HoldConfirmed(expires_at)
            case cmd.Unhold():
                await self._edges.unhold(
                    edge=command.edge,
                    reference=command.reference,
                    call_id=command.call_id,
                    node=command.node,
                    key=command.key,
                )
            case cmd.QueryMedia():
                asked_at = self._desk.now_ms()
                report = await self._edges.media(
                    edge=command.edge,
                    reference=command.reference,
                    customer_call_id=command.customer_call_id,
                    agent_call_id=command.agent_call_id,
                    node=command.node,
                )
                return ev.MediaSeen(
                    report.customer,
                    report.agent,
                    report.fenced,
                    report.anchored,
                    asked_at,
                    report.customer_node,
                    report.agent_node,
                )
            case cmd.PartnerSecure():
                await self._partner(command).secure(self._token(command), command.key)
            case cmd.PartnerCapture():
                await self._partner(command).capture(
                    self._token(command), command.key, command.fields, command.stored_card
                )
            case cmd.PartnerReset():
                await self._partner(command).reset(self._token(command), command.key, command.field)
            case cmd.PartnerCancelCapture():
                await self._partner(command).cancel_capture(self._token(command), command.key)
            case cmd.PartnerCharge():
                token = self._token(command)
                self._desk.store.mark_attempted(item.pending.id, self._desk.now_ms())
                await self._desk.store.on_disk()
                await self._partner(command).charge(token, command.key, command.amount, command.reference)
            case cmd.PartnerRelease():
                await self._partner(command).release(self._token(command), command.key)
            case cmd.PartnerRefresh():
                async with self._refreshing:
                    await self._partner(command).refresh(self._token(command), command.key)
            case cmd.QueryCharge():
                return await self._partner(command).ask_charge(command.charge)
            case cmd.Annotate():
                await self._platform.annotate(
                    reference=command.reference, state=command.state, text=command.text, key=command.key
                )
                return ev.Annotated()
            case cmd.PauseRecording():
                await self._platform.pause_recording(reference=command.reference, key=command.key)
            case cmd.ResumeRecording():
                await self._platform.resume_recording(reference=command.reference, key=command.key)
        return None

    def _partner(self, command: cmd.Command) -> PartnerPort:
        """The one whose call it is."""
        session = self._desk.store.load(command.reference)
        try:
            return self._partners[session.partner_id if session else ""]
        except KeyError:
            raise Unreachable("unknown_partner", sent=False) from None

    def _token(self, command: cmd.Command) -> str:
        token = self._desk.store.token(command.reference)
        if token is None:
            raise _TokenGone
        return token


# What a failed command means to the session. `Refused` is certain; `Unreachable` may or may not have been carried out.
_REFUSED: dict[Do, Callable[[str], ev.Happening]] = {
    Do.HOLD: ev.HoldFailed,
    Do.QUERY_MEDIA: ev.EdgeLost,
    Do.SECURE: ev.SecureRefused,
    Do.CAPTURE: ev.CaptureRefused,
    Do.RESET: ev.ResetRefused,
    Do.RELEASE: ev.ReleaseRefused,
    Do.REFRESH: ev.RefreshFailed,
    Do.ANNOTATE: ev.AnnotateFailed,
    Do.PAUSE_RECORDING: ev.RecordingUnconfirmed,
}


def refused(command: cmd.Command, refusal: Refused) -> ev.Happening | None:
    """The other side said no."""
    if isinstance(command, cmd.PartnerCharge):
        # The key was used for another amount: some charge exists under it, and only asking tells which.
        unclear = refusal.code == _CONFLICT
        return (
            ev.ChargeUnclear(command.key, refusal.code)
            if unclear
            else ev.ChargeRefused(command.key, refusal.code)
        )
    make = _REFUSED.get(command.do)
    return make(refusal.code) if make else None


def unreachable(command: cmd.Command, error: Unreachable) -> ev.Happening | None:
    """Nobody answered in time."""
    if isinstance(command, cmd.PartnerCharge):
        return (
            ev.ChargeUnclear(command.key, error.reason)
            if error.sent
            else ev.ChargeRefused(command.key, "not_sent")
        )
    if isinstance(command, cmd.PartnerSecure):
        return None if error.sent else ev.SecureNotSent(error.reason)  # sent: its deadline decides
    if isinstance(command, cmd.PartnerRelease):
        return None  # not known to be released: the deadline of the way home decides
    make = _REFUSED.get(command.do)
    return make(error.reason) if make else None
