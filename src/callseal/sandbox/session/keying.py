"""The customer's keying in one session: the capture on the event loop's clock, and each press once.

It changes nothing of the session: whoever calls carries out the commands and looks at `state` afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from callseal.cards import Card
from callseal.sandbox.capture.commands import Command
from callseal.sandbox.capture.engine import Capture, Rules
from callseal.sandbox.capture.fields import Field
from callseal.sandbox.capture.form import FieldView
from callseal.sandbox.capture.presses import Presses, Transport
from callseal.sandbox.capture.table import State
from callseal.sandbox.session.psp_client import StoredCard
from callseal.wire.dtmf import InfoKey


class Keying:
    """`timed` is called with the commands that the passing of time brings."""

    def __init__(self, rules: Rules, *, timed: Callable[[Sequence[Command]], None]) -> None:
        self._capture = Capture(rules)
        self._presses = Presses()
        self._timed = timed
        self._timer: asyncio.TimerHandle | None = None

    @property
    def state(self) -> State:
        return self._capture.state

    def fields(self) -> list[FieldView]:
        return self._capture.views()

    # -- the agent's wishes ----------------------------------------------------------------------------------------

    def start(
        self,
        fields: Sequence[Field],
        *,
        today: tuple[int, int],
        stored_card: StoredCard | None,
        postal_code_min: int,
    ) -> list[Command]:
        """Raises `ValueError` for fields that make no sense together."""
        commands = self._capture.start(
            fields,
            now=_now(),
            today=today,
            stored_card=(stored_card.id, stored_card.brand, stored_card.last4) if stored_card else None,
            postal_code_min=postal_code_min,
        )
        self._presses.forget()
        return commands

    def reset(self, field: Field | None) -> list[Command]:
        """Raises `UnknownFieldError` for a field that was not asked for."""
        return self._capture.reset(field, by="agent", now=_now())

    def cancel(self) -> list[Command]:
        return self._capture.cancel(by="agent")

    def take(self) -> Card:
        """The card; nothing of it is kept here. Raises `NotNowError` while it is not complete."""
        return self._capture.take()

    # -- presses and time ------------------------------------------------------------------------------------------

    def press(self, key: str, transport: Transport) -> list[Command] | None:
        """None for the echo of a press that counted already."""
        now = _now()
        return self._capture.press(key, now=now) if self._presses.is_new(key, transport, now=now) else None

    def wait(self) -> None:
        """Come back when time means something; called after every change."""
        self.stop()
        due = self._capture.deadline()
        if due is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(due, lambda: self._timed(self._capture.tick(now=_now())))

    def stop(self) -> None:
        """Do not come back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def forget(self) -> None:
        """Wipe everything without a word."""
        self._capture.forget()
        self._presses.forget()


def info_key(content_type: str, body: str) -> str | None:
    """The key of an INFO request, None for one that holds none."""
    try:
        info = InfoKey.parse(content_type, body.encode())
    except ValueError:
        return None
    return info.key if info is not None else None


def _now() -> float:
    return asyncio.get_running_loop().time()
