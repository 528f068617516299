"""One payment session: the agent's wishes and the customer's presses on one call, and what the desk is told of them.

State changes go through `table.step` and nowhere else. Wishes are plain methods that raise `WrongStateError`; what takes
time (moving media, asking the PSP) runs as the session's one script, which the end of the call cancels.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from callseal.cards import Card
from callseal.sandbox.capture.commands import Command, Prompt, Say, Tell
from callseal.sandbox.capture.fields import Field
from callseal.sandbox.capture.form import FieldView
from callseal.sandbox.capture.presses import Transport
from callseal.sandbox.capture.table import State as CaptureState
from callseal.sandbox.media.bridge import Side
from callseal.sandbox.session.announcer import Announcer
from callseal.sandbox.session.call import Call
from callseal.sandbox.session.desk_events import DeskEvents
from callseal.sandbox.session.keying import Keying, info_key
from callseal.sandbox.session.leg import Leg
from callseal.sandbox.session.mover import MoveFailedError, Mover
from callseal.sandbox.session.psp_client import StoredCard
from callseal.sandbox.session.scripts import Scripts
from callseal.sandbox.session.table import Event, State, step
from callseal.sandbox.session.world import World
from callseal.wire.dtmf import DTMF, DTMF_RELAY

log = logging.getLogger(__name__)

_SPOKEN = {"approved": Prompt.APPROVED, "declined": Prompt.DECLINED}


class Session:
    """Watches one `Call`. `name` is public: it says nothing of the token. `gone` is called once, when the token is dead."""

    def __init__(
        self, name: str, mover: Mover, world: World, *, announced: bool, gone: Callable[[Session], None]
    ) -> None:
        self.name = name
        self.state = State.RINGING
        self._world = world
        self._mover = mover
        self._gone = gone
        self._call: Call | None = None
        self._events = DeskEvents(name, world.webhooks, announced=announced)
        self._keying = Keying(world.rules, timed=self._carry_out)
        self._scripts = Scripts(name)
        self._announcer = Announcer(name, mover, world, self._scripts)
        self._release_wanted = False
        self._idle: asyncio.TimerHandle | None = None

    def watch(self, call: Call) -> None:
        self._call = call

    # -- wishes ----------------------------------------------------------------------------------------------------

    def secure(self) -> None:
        self._step(Event.SECURE)
        self._scripts.run(self._secure())

    def capture(
        self, fields: Sequence[Field], *, stored_card: StoredCard | None, postal_code_min: int
    ) -> None:
        """Raises `ValueError` for fields that make no sense together."""
        after = step(self.state, Event.CAPTURE)
        commands = self._keying.start(
            fields, today=self._world.today(), stored_card=stored_card, postal_code_min=postal_code_min
        )
        self._enter(after)
        self._carry_out(commands)

    def reset(self, field: Field | None) -> None:
        """Raises `UnknownFieldError` for a field that was not asked for."""
        after = step(self.state, Event.RESET)
        commands = self._keying.reset(field)
        self._enter(after)
        self._carry_out(commands)

    def cancel_capture(self) -> None:
        self._step(Event.CANCEL_CAPTURE)
        self._carry_out(self._keying.cancel())

    def charge(self, key: str, *, amount: int, currency: str, reference: str) -> None:
        self._step(Event.CHARGE)
        self._world.charges.begin(key, amount, currency)
        # A charge outlives the script of the session, and the session itself: the PSP has it.
        self._scripts.let(self._charge(key, self._keying.take(), amount, currency, reference))

    def release(self) -> None:
        before = self.state
        self._step(Event.RELEASE)
        if before is State.HOME:
            self._events.tell("session.released", by="desk", legs="home")
        elif before is State.SECURING:
            self._release_wanted = True
        elif before is not State.RESTORING:
            self._go_home("desk")

    def refresh(self) -> None:
        """Re-INVITE both legs with what they have. How it went is for the edge to see: nobody is told."""
        self._step(Event.REFRESH)
        self._scripts.let(self._refresh())

    def fields(self) -> list[FieldView]:
        return self._keying.fields()

    # -- presses ---------------------------------------------------------------------------------------------------

    def pressed(self, key: str, transport: Transport) -> None:
        """The customer pressed a key, heard in the media or by INFO. Counts only while the call is secured."""
        if self.state not in (State.SECURED, State.CAPTURING, State.CAPTURED):
            return
        self._keep_alive()
        commands = self._keying.press(key, transport)
        if commands is not None:
            self._carry_out(commands)

    # -- the call --------------------------------------------------------------------------------------------------

    def answered(self) -> None:
        self._step(Event.ANSWERED)

    def info(self, leg: Leg, content_type: str, body: str) -> bool:
        kind = content_type.partition(";")[0].strip().lower()
        if kind not in (DTMF, DTMF_RELAY) or self.state in (State.RINGING, State.HOME):
            return True
        if leg.side is Side.CUSTOMER:
            key = info_key(content_type, body)
            if key is not None:
                self.pressed(key, Transport.INFO)
        return not self._world.switches.mask

    def over(self, by: Leg | None) -> None:
        self._step(Event.HUNG_UP)
        self._stop_timers()
        self._keying.forget()
        self._scripts.cancel()
        self._events.tell("session.ended", by=by.side if by is not None else "partner")
        self._scripts.let(self._mover.forget())
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
        self._events.tell("session.secured")
        if self._release_wanted:
            self._step(Event.RELEASE)
            self._go_home("desk")
            return
        self._announcer.say(Prompt.SECURED)
        self._keep_alive()
        after = self._world.switches.leave_secure_after_ms
        if after is not None:
            asyncio.get_running_loop().call_later(after / 1000, self._leave)

    def _secure_failed(self, reason: str, *, home: bool) -> None:
        self._step(Event.MOVE_FAILED if home else Event.GOT_STUCK)
        self._events.tell("session.secure_failed", reason=reason)
        if not home:
            self._events.tell("session.released", by="partner", legs="stuck")
        elif self._release_wanted:
            self._events.tell("session.released", by="desk", legs="home")
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
        self._keying.forget()
        self._scripts.run(self._restore(by))

    async def _restore(self, by: str) -> None:
        home = await self._mover.home(*self._in_order())
        self._step(Event.CAME_HOME if home else Event.GOT_STUCK)
        self._events.tell("session.released", by=by, legs="home" if home else "stuck")

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
        self._events.charged(key, amount, currency, outcome)
        if outcome.status in _SPOKEN:
            self._announcer.say(_SPOKEN[outcome.status])

    # -- inside ----------------------------------------------------------------------------------------------------

    def _carry_out(self, commands: Sequence[Command]) -> None:
        for command in commands:
            match command:
                case Tell():
                    self._events.tell(command.type, **command.data)
                case Say():
                    self._announcer.say(*command.prompts)
        if self.state is State.CAPTURING and self._keying.state is CaptureState.COMPLETE:
            self._step(Event.CAPTURE_COMPLETE)
        elif self.state is State.CAPTURING and self._keying.state is CaptureState.OVER:
            self._step(Event.CAPTURE_OVER)
        self._keep_alive()
        self._keying.wait()

    def _keep_alive(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(self._world.idle_s, self._leave)

    def _stop_timers(self) -> None:
        self._keying.stop()
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _in_order(self) -> tuple[Leg, Leg]:
        if self._call is None:
            raise RuntimeError("a session without a call")
        first = Side.AGENT if self._world.switches.reinvite_order == "agent-first" else Side.CUSTOMER
        return self._call.in_order(first)

    def _step(self, event: Event) -> None:
        self._enter(step(self.state, event))

    def _enter(self, after: State) -> None:
        before, self.state = self.state, after
        if after is not before:
            log.info("session", extra={"session": self.name, "was": str(before), "is": str(after)})
