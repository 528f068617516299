"""One payment session: the agent's wishes and the customer's presses on one call, and what the desk is told of them.

State changes go through `table.step` and nowhere else. Wishes are plain methods that raise `WrongStateError`; what takes
time (moving media, asking the PSP) runs as the session's one script, which the end of the call cancels.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass

from callseal.cards import Card
from callseal.sandbox.capture.commands import Command, Prompt, Say, Tell
from callseal.sandbox.capture.engine import Capture, Rules
from callseal.sandbox.capture.fields import Field
from callseal.sandbox.capture.form import FieldView
from callseal.sandbox.capture.presses import Presses, Transport
from callseal.sandbox.capture.table import State as CaptureState
from callseal.sandbox.media.bridge import Side
from callseal.sandbox.media.ng_client import MediaError
from callseal.sandbox.session.call import Call
from callseal.sandbox.session.charges import Charges
from callseal.sandbox.session.leg import Leg
from callseal.sandbox.session.mover import MoveFailedError, Mover
from callseal.sandbox.session.psp_client import Outcome, PspClient, StoredCard
from callseal.sandbox.session.switches import Switches
from callseal.sandbox.session.table import Event, State, step
from callseal.sandbox.session.webhooks import Webhooks
from callseal.wire.dtmf import DTMF, DTMF_RELAY, InfoKey

log = logging.getLogger(__name__)


def session_name(token: str) -> str:
    """The public name of a token's session: half of its SHA-256, in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class World:
    """What every session shares."""

    switches: Switches
    webhooks: Webhooks
    psp: PspClient
    charges: Charges
    rules: Rules
    today: Callable[[], tuple[int, int]]
    play: Callable[[Mover, Sequence[Prompt]], Coroutine[object, object, None]]
    idle_s: float


class Session:
    """Watches one `Call`. `announced` is False when its token was kept back: then nobody is told of it.

    `gone` is called once, when the token is dead.
    """

    def __init__(
        self, token: str, mover: Mover, world: World, *, announced: bool, gone: Callable[[Session], None]
    ) -> None:
        self._announced = announced
        self.name = session_name(token)
        self.state = State.RINGING
        self._world = world
        self._mover = mover
        self._gone = gone
        self._call: Call | None = None
        self._seq = 0
        self._capture = Capture(world.rules)
        self._presses = Presses()
        self._release_wanted = False
        self._script: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._idle: asyncio.TimerHandle | None = None

    def watch(self, call: Call) -> None:
        self._call = call

    # -- wishes ----------------------------------------------------------------------------------------------------

    def secure(self) -> None:
        self._step(Event.SECURE)
        self._run(self._secure())

    def capture(
        self, fields: Sequence[Field], *, stored_card: StoredCard | None, postal_code_min: int
    ) -> None:
        """Raises `ValueError` for fields that make no sense together."""
        stored = (stored_card.id, stored_card.brand, stored_card.last4) if stored_card else None
        after = step(self.state, Event.CAPTURE)
        commands = self._capture.start(
            fields,
            now=self._now(),
            today=self._world.today(),
            stored_card=stored,
            postal_code_min=postal_code_min,
        )
        self._enter(after)
        self._presses.forget()
        self._carry_out(commands)

    def reset(self, field: Field | None) -> None:
        """Raises `UnknownFieldError` for a field that was not asked for."""
        after = step(self.state, Event.RESET)
        commands = self._capture.reset(field, by="agent", now=self._now())
        self._enter(after)
        self._carry_out(commands)

    def cancel_capture(self) -> None:
        self._step(Event.CANCEL_CAPTURE)
        self._carry_out(self._capture.cancel(by="agent"))

    def charge(self, key: str, *, amount: int, currency: str, reference: str) -> None:
        self._step(Event.CHARGE)
        self._world.charges.begin(key, amount, currency)
        # A charge outlives the script of the session, and the session itself: the PSP has it.
        self._spawn(self._charge(key, self._capture.take(), amount, currency, reference))

    def release(self) -> None:
        before = self.state
        self._step(Event.RELEASE)
        if before is State.HOME:
            self._tell("session.released", by="desk", legs="home")
        elif before is State.SECURING:
            self._release_wanted = True
        elif before is not State.RESTORING:
            self._go_home("desk")

    def refresh(self) -> None:
        """Re-INVITE both legs with what they have. How it went is for the edge to see: nobody is told."""
        self._step(Event.REFRESH)
        self._spawn(self._refresh())

    def fields(self) -> list[FieldView]:
        return self._capture.views()

    # -- presses ---------------------------------------------------------------------------------------------------

    def pressed(self, key: str, transport: Transport) -> None:
        """The customer pressed a key, heard in the media or by INFO. Counts only while the call is secured."""
        if self.state not in (State.SECURED, State.CAPTURING, State.CAPTURED):
            return
        now = self._now()
        self._keep_alive()
        if self._presses.is_new(key, transport, now=now):
            self._carry_out(self._capture.press(key, now=now))

    # -- the call --------------------------------------------------------------------------------------------------

    def answered(self) -> None:
        self._step(Event.ANSWERED)

    def info(self, leg: Leg, content_type: str, body: str) -> bool:
        kind = content_type.partition(";")[0].strip().lower()
        if kind not in (DTMF, DTMF_RELAY) or self.state in (State.RINGING, State.HOME):
            return True
        if leg.side is Side.CUSTOMER:
            key = _key(content_type, body)
            if key is not None:
                self.pressed(key, Transport.INFO)
        return not self._world.switches.mask

    def over(self, by: Leg | None) -> None:
        self._step(Event.HUNG_UP)
        self._stop_timers()
        self._capture.forget()
        self._presses.forget()
        if self._script is not None:
            self._script.cancel()
        self._tell("session.ended", by=by.side if by is not None else "partner")
        self._spawn(self._mover.forget())
        self._gone(self)

    # -- scripts ---------------------------------------------------------------------------------------------------

    async def _secure(self) -> None:
        switches = self._world.switches
        await asyncio.sleep(switches.secure_delay_ms / 1000)
        if switches.lie_secured:
            self._secured()
            return
        if switches.refuse_secure:
            self._secure_failed("refused", home=True)
            return
        try:
            await self._mover.to_bridge(*self._in_order())
        except MoveFailedError as error:
            self._secure_failed(error.reason, home=error.home)
        else:
            self._secured()

    def _secured(self) -> None:
        self._step(Event.MOVED)
        self._tell("session.secured")
        if self._release_wanted:
            self._step(Event.RELEASE)
            self._go_home("desk")
            return
        self._say(Prompt.SECURED)
        self._keep_alive()
        after = self._world.switches.leave_secure_after_ms
        if after is not None:
            asyncio.get_running_loop().call_later(after / 1000, self._leave)

    def _secure_failed(self, reason: str, *, home: bool) -> None:
        self._step(Event.MOVE_FAILED if home else Event.GOT_STUCK)
        self._tell("session.secure_failed", reason=reason)
        if not home:
            self._tell("session.released", by="partner", legs="stuck")
        elif self._release_wanted:
            self._tell("session.released", by="desk", legs="home")
        self._release_wanted = False

    def _leave(self) -> None:
        """Leave secure mode by itself: idle too long, or on command."""
        if self.state in (State.SECURED, State.CAPTURING, State.CAPTURED, State.AUTHORISING):
            self._step(Event.RELEASE)
            self._go_home("partner")

    def _go_home(self, by: str) -> None:
        self._release_wanted = False
        self._stop_timers()
        # Capture ends before the first offer: from then on the customer's voice is on its way back to the agent.
        self._capture.forget()
        self._presses.forget()
        self._run(self._restore(by))

    async def _restore(self, by: str) -> None:
        home = await self._mover.home(*self._in_order())
        self._step(Event.CAME_HOME if home else Event.GOT_STUCK)
        self._tell("session.released", by=by, legs="home" if home else "stuck")

    async def _refresh(self) -> None:
        good = await self._mover.refresh(*self._in_order())
        log.info("refreshed", extra={"session": self.name, "good": good})

    async def _charge(self, key: str, card: Card, amount: int, currency: str, reference: str) -> None:
        try:
            outcome = await self._world.psp.charge(
                key, card=card, amount=amount, currency=currency, reference=reference
            )
        finally:
            card.wipe()
        self._world.charges.settle(key, outcome)
        self._step(Event.CHARGED)
        self._tell_result(key, amount, currency, outcome)

    def _tell_result(self, key: str, amount: int, currency: str, outcome: Outcome) -> None:
        if outcome.status == "approved":
            self._tell(
                "charge.approved",
                charge=key,
                amount=amount,
                currency=currency,
                authorisation_code=outcome.authorisation_code,
                brand=outcome.brand,
                last4=outcome.last4,
                psp_reference=outcome.psp_reference,
            )
            self._say(Prompt.APPROVED)
        elif outcome.status == "declined":
            self._tell("charge.declined", charge=key, reason=outcome.reason)
            self._say(Prompt.DECLINED)
        else:
            self._tell("charge.unknown", charge=key)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _carry_out(self, commands: Sequence[Command]) -> None:
        for command in commands:
            match command:
                case Tell():
                    self._tell(command.type, **command.data)
                case Say():
                    self._say(*command.prompts)
        if self.state is State.CAPTURING and self._capture.state is CaptureState.COMPLETE:
            self._step(Event.CAPTURE_COMPLETE)
        elif self.state is State.CAPTURING and self._capture.state is CaptureState.OVER:
            self._step(Event.CAPTURE_OVER)
        self._keep_alive()
        self._wait_for_deadline()

    def _wait_for_deadline(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._capture.deadline()
        if due is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(due, lambda: self._carry_out(self._capture.tick(now=self._now())))

    def _keep_alive(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(self._world.idle_s, self._leave)

    def _stop_timers(self) -> None:
        for timer in (self._timer, self._idle):
            if timer is not None:
                timer.cancel()
        self._timer = self._idle = None

    def _say(self, *prompts: Prompt) -> None:
        if self._world.switches.prompts and self._mover.bridge is not None:
            self._spawn(self._play(prompts))

    async def _play(self, prompts: Sequence[Prompt]) -> None:
        try:
            await self._world.play(self._mover, prompts)
        except MediaError as error:
            log.warning("prompt_not_played", extra={"session": self.name, "why": str(error)})

    def _in_order(self) -> tuple[Leg, Leg]:
        if self._call is None:
            raise RuntimeError("a session without a call")
        first = Side.AGENT if self._world.switches.reinvite_order == "agent-first" else Side.CUSTOMER
        legs = (self._call.caller, self._call.callee)
        return legs if legs[0].side is first else (legs[1], legs[0])

    def _tell(self, event: str, /, **data: object) -> None:
        if not self._announced:
            return
        self._seq += 1
        self._world.webhooks.send(self.name, event, {"session": self.name, "seq": self._seq, **data})

    def _step(self, event: Event) -> None:
        self._enter(step(self.state, event))

    def _enter(self, after: State) -> None:
        before, self.state = self.state, after
        if after is not before:
            log.info("session", extra={"session": self.name, "was": str(before), "is": str(after)})

    def _run(self, script: Coroutine[object, object, None]) -> None:
        self._script = self._spawn(script)

    def _spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Only the kind: an exception's text may hold what it was about.
            log.error("session_script_failed", extra={"session": self.name, "error": type(error).__name__})

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _key(content_type: str, body: str) -> str | None:
    try:
        info = InfoKey.parse(content_type, body.encode())
    except ValueError:
        return None
    return info.key if info is not None else None
