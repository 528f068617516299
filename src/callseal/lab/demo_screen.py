"""What the demo prints: stages with their time, what people say and do, the ladder while it is drawn, the verdict."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from callseal.lab.ladder import Ladder, Pen
from callseal.lab.sip_tap import SipMessage
from callseal.lab.site import Site

TOKEN_HEADER = "X-Payment-Token"  # noqa: S105 - a header's name
SETTLE_S = 0.15  # the last message of a move is on the wire before its line is drawn
_IN_WORDS = {3: "three", 4: "four"}


@dataclass(frozen=True, slots=True)
class HeardCall:
    """Digits of one call that the agent heard, of those pressed. `listened`: the ear was open and heard the control key."""

    heard: int
    pressed: int
    listened: bool


class Screen:
    """Safe to use from two threads: the ladder's lines come from the tap's."""

    def __init__(self, site: Site) -> None:
        self.out = Console(highlight=False, soft_wrap=True)
        self._start = time.monotonic()
        self._lock = threading.Lock()
        names = {
            site.customer: "carrier",
            **dict.fromkeys(site.kamailios, "edge"),
            **{sip: "partner" for sip, _ in site.partners},
            site.agent: "platform",
        }
        self._ladder = Ladder(names, Pen.for_encoding(sys.stdout.encoding), TOKEN_HEADER)
        self._drawing = False

    def head(self) -> None:
        """The ladder's first line, with the names of the parties."""
        self.gap()
        self.out.print(self._ladder.head(), style="bold")

    def gap(self) -> None:
        self.out.print()

    def stage(self, text: str) -> None:
        with self._lock:
            self.out.print(f"{time.monotonic() - self._start:4.0f}s  {text}")

    def say(self, who: str, text: str) -> None:
        with self._lock:
            self.out.print(f"{'':8}{who}: {text}", style="cyan")

    def media(self, text: str) -> None:
        with self._lock:
            self.out.print(self._ladder.media(text), style="green")

    def heard(self, message: SipMessage) -> None:
        """A SIP message was on the wire; its line is drawn while the ladder is."""
        if not self._drawing or message.status is not None:
            return
        line = self._ladder.draw(message)
        if line is not None:
            with self._lock:
                self.out.print(line)

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """The ladder is drawn inside this block."""
        self._drawing = True
        try:
            yield
        finally:
            time.sleep(SETTLE_S)
            self._drawing = False

    def verdict(self, results: list[HeardCall]) -> int:
        """Exit code 0 when nothing was heard and the ear was seen to work, else 1."""
        heard, pressed = sum(row.heard for row in results), sum(row.pressed for row in results)
        listened = all(row.listened for row in results)
        good = heard == 0 and listened
        self.out.print()
        first = results[0]
        line = f"VERDICT  agent heard {first.heard} of {first.pressed} digits of the paid call, {heard} of {pressed} in all {_IN_WORDS[len(results)]} calls"
        if not listened:
            line += "; but the ear did not prove itself, so this is no evidence"
        self.out.print(Text(line, style="bold green" if good else "bold red"))
        return 0 if good else 1
