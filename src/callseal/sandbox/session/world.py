"""What every payment session of a partner shares."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass

from callseal.sandbox.capture.commands import Prompt
from callseal.sandbox.capture.engine import Rules
from callseal.sandbox.session.charges import Charges
from callseal.sandbox.session.mover import Mover
from callseal.sandbox.session.psp_client import PspClient
from callseal.sandbox.session.switches import Switches
from callseal.sandbox.session.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class World:
    """`today` gives (year, month); `play` plays recordings to the customer of a moved call; `idle_s` ends a secured phase in which
    nothing happens."""

    switches: Switches
    webhooks: Webhooks
    psp: PspClient
    charges: Charges
    rules: Rules
    today: Callable[[], tuple[int, int]]
    play: Callable[[Mover, Sequence[Prompt]], Coroutine[object, object, None]]
    idle_s: float
