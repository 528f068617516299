"""`callseal demo`: one paid call with its ladder, a mistyped field, a decline, and the verdict on what the agent heard."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from callseal import __version__
from callseal.audit.ear import Ear
from callseal.audit.recorder import Recorder
from callseal.lab.demo_audit import recording, told
from callseal.lab.demo_hosts import EXPLAINED, MAP, firewall_lines
from callseal.lab.hosts import Hosts
from callseal.lab.ladder import Ladder, Pen
from callseal.lab.phone import PhoneError, write_settings
from callseal.lab.preflight import faults
from callseal.lab.serve import serve
from callseal.lab.sip_tap import SipMessage
from callseal.lab.site import Site
from callseal.lab.story import APPROVED, DECLINED, FIELDS, MISTYPED, PaidCall
from callseal.lab.workspace import Workspace
from callseal.lab.world import World
from callseal.observe.errors import Error

AMOUNT = 4250
TOKEN_HEADER = "X-Payment-Token"  # noqa: S105 - a header's name
_IN_WORDS = {3: "three", 4: "four"}
SETTLE_S = 0.15  # the last message of a move is on the wire before its line is drawn


class PreflightError(Error):
    """Something stands in the way of the lab."""


class StoryError(Error):
    """A phone did not do its part."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """`keep` is a directory that stays (None: a temporary one that goes); `serve` keeps everything running at the end."""

    site: Site
    keep: Path | None = None
    serve: bool = False
    report: Path | None = None


def run(options: DemoOptions) -> int:
    """Play it. Exit code 0 when the agent heard nothing and the ear was seen to work, 1 otherwise."""
    found = faults(options.site)
    if found:
        raise PreflightError(
            "; ".join(fault.what for fault in found), advice="; ".join(fault.advice for fault in found)
        )
    signal.signal(signal.SIGTERM, _interrupt)
    root = options.keep or Path(tempfile.mkdtemp(prefix="callseal-demo-"))
    try:
        return _Demo(options, root).run()
    except PhoneError as error:
        raise StoryError(
            str(error), advice="--keep DIR keeps every process's log; a slow machine may need another try"
        ) from None
    except KeyboardInterrupt:
        Console().print("\nstopped; nothing is left running", style="dim")
        return 130
    finally:
        if options.keep is None:
            shutil.rmtree(root, ignore_errors=True)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


class _Demo:
    def __init__(self, options: DemoOptions, root: Path) -> None:
        self._options = options
        self._root = root
        self._out = Console(highlight=False, soft_wrap=True)
        self._start = time.monotonic()
        self._lock = threading.Lock()
        site = options.site
        names = {
            site.customer: "carrier",
            **dict.fromkeys(site.kamailios, "edge"),
            **{sip: "partner" for sip, _ in site.partners},
            site.agent: "platform",
        }
        self._ladder = Ladder(names, Pen.for_encoding(sys.stdout.encoding), TOKEN_HEADER)
        self._drawing = False

    def run(self) -> int:
        self._out.print(
            f"Callseal {__version__}: a card payment on a live call, on real Kamailio, rtpengine and SIP phones",
            style="bold",
        )
        if isinstance(self._options.site, Hosts):
            self._stage(MAP)
        with ExitStack() as stack:
            world = stack.enter_context(World(Workspace(self._root, self._options.site), stage=self._stage))
            recorder = stack.enter_context(recording(self._options.site))
            heard = self._story(world)
            self._firewalls(self._options.site)
            code = self._verdict(heard)
            if recorder is not None:
                code = self._audit(recorder) or code
            else:
                self._out.print("AUDIT    none: a packet socket cannot be opened here", style="dim")
            self._next()
            if self._options.serve:
                serve(world, write_settings(world.workspace), self._out)
        return code

    # The story.

    def _story(self, world: World) -> list[tuple[int, int, int, bool]]:
        results = []
        self._stage("starting two phones: a customer on the carrier's side, an agent on the platform's")
        with (
            world.customer() as customer,
            world.agent() as agent,
            world.desk() as desk,
            world.ear() as ear,
            world.sip_tap(self._heard),
        ):
            call = PaidCall(world, customer, agent, desk)
            self._out.print()
            self._out.print(self._ladder.head(), style="bold")
            results.append(self._paid(call, ear))
            self._out.print()
            results.append(self._mistyped(call, ear))
            results.append(self._declined(call, ear))
            if isinstance(world.site, Hosts):
                results.append(self._partner_gone(world.site, call, ear))
        return results

    def _paid(self, call: PaidCall, ear: Ear) -> tuple[int, int, int, bool]:
        with self._draw():
            call.dial()
        self._media("customer <-> edge <-> agent; the partner has signalling only")
        ear.mark("open")
        call.customer.press("5", duration_ms=80)
        time.sleep(0.3)
        control = ear.heard("open").keys
        self._say("agent", f"a key pressed now is heard: {control} of 1. The agent presses Secure")
        ear.mark("press")
        pressed_at = time.monotonic()
        with self._draw():
            call.secure()
        took = time.monotonic() - pressed_at
        self._media(f"customer <-> partner <-> agent, fenced; secured in {took * 1000:.0f} ms")
        call.ask()
        shown = []
        for name in FIELDS:
            state = call.type(name, APPROVED.keys(name))
            field = next(field for field in state["fields"] if field["name"] == name)
            shown.append(field["masked"] or "")
        self._say("customer", "types the card; the agent sees " + "  ".join(shown))
        call.desk.wait_state(call.reference, "captured")
        result = call.charge(AMOUNT)["result"]
        self._say(
            "agent",
            f"charges GBP {AMOUNT / 100:.2f}: {result['outcome']}, code {result['authorisation_code']}, {result['brand']} ending {result['last4']}",
        )
        with self._draw():
            call.release()
        self._media("customer <-> edge <-> agent again")
        ear.mark("restored")
        with self._draw():
            call.hang_up()
        return self._window(ear, APPROVED.key_count, control)

    def _mistyped(self, call: PaidCall, ear: Ear) -> tuple[int, int, int, bool]:
        call.dial()
        ear.mark("press")
        call.secure()
        call.ask()
        state = call.type("card_number", MISTYPED.number, until="invalid")
        reason = next(field["reason"] for field in state["fields"] if field["name"] == "card_number")
        self._stage(f"a mistyped field: the card says so at once (reason: {reason}); the partner asks again")
        call.desk.press(call.reference, "reset", {"field": "card_number"})
        call.type_card(APPROVED)
        outcome = call.charge(1999)["result"]["outcome"]
        call.release()
        ear.mark("restored")
        call.hang_up()
        result = self._window(ear, len(MISTYPED.number) + APPROVED.key_count, 1)
        self._stage(f"   typed again and {outcome}; agent heard {result[0]} of {result[1]} digits")
        return result

    def _declined(self, call: PaidCall, ear: Ear) -> tuple[int, int, int, bool]:
        call.dial()
        ear.mark("press")
        call.secure()
        call.ask()
        call.type_card(DECLINED)
        first = call.charge(AMOUNT)["result"]
        self._stage(f"a decline: {first['reason'].replace('_', ' ')}; the line stays secure for another card")
        call.ask()
        call.type_card(APPROVED)
        second = call.desk.press(call.reference, "charge", {"amount": AMOUNT, "currency": "GBP"})
        second = call.desk.wait_state(call.reference, "approved")
        call.release()
        ear.mark("restored")
        call.hang_up()
        result = self._window(ear, DECLINED.key_count + APPROVED.key_count, 1)
        self._stage(
            f"   another card is {second['result']['outcome']}; agent heard {result[0]} of {result[1]} digits"
        )
        return result

    def _partner_gone(self, hosts: Hosts, call: PaidCall, ear: Ear) -> tuple[int, int, int, bool]:
        self._stage("the first partner's host is unplugged, and a customer calls: the edge gets no answer")
        hosts.unplug("partner")
        began = time.monotonic()
        call.dial()
        waited = time.monotonic() - began
        ear.mark("press")
        outcome = call.pay()["result"]["outcome"]
        ear.mark("restored")
        call.hang_up()
        hosts.plug_in("partner")
        result = self._window(ear, APPROVED.key_count, 1)
        self._stage(
            f"   the second partner has it after {waited:.1f} s, {outcome}; agent heard {result[0]} of {result[1]} digits"
        )
        return result

    def _window(self, ear: Ear, pressed: int, control: int) -> tuple[int, int, int, bool]:
        heard = ear.heard("press", "restored")
        return heard.keys, pressed, control, heard.listened

    # What is printed.

    def _firewalls(self, site: Site) -> None:
        if not isinstance(site, Hosts):
            return
        self._stage(EXPLAINED)
        for line in firewall_lines(site):
            self._stage(line)

    def _verdict(self, results: list[tuple[int, int, int, bool]]) -> int:
        heard, pressed = sum(row[0] for row in results), sum(row[1] for row in results)
        listened = all(row[3] for row in results) and results[0][2] == 1
        good = heard == 0 and listened
        self._out.print()
        first = results[0]
        line = f"VERDICT  agent heard {first[0]} of {first[1]} digits of the paid call, {heard} of {pressed} in all {_IN_WORDS[len(results)]} calls"
        if not listened:
            line += "; but the ear did not prove itself, so this is no evidence"
        self._out.print(Text(line, style="bold green" if good else "bold red"))
        return 0 if good else 1

    def _stage(self, text: str) -> None:
        with self._lock:
            self._out.print(f"{time.monotonic() - self._start:4.0f}s  {text}")

    def _say(self, who: str, text: str) -> None:
        with self._lock:
            self._out.print(f"{'':8}{who}: {text}", style="cyan")

    def _next(self) -> None:
        if not self._options.serve:
            serving = '"--hosts --serve"' if isinstance(self._options.site, Hosts) else "--serve"
            self._out.print(
                f"next: make demo ARGS={serving}   (press the keys yourself)   make test   docs/tutorial/",
                style="dim",
            )

    def _audit(self, recorder: Recorder) -> int:
        clean, line, more = told(recorder, self._options.keep, self._options.report, int(time.time()))
        self._out.print(Text(line, style="bold green" if clean else "bold red"))
        self._out.print(Text(more, style="dim"))
        return 0 if clean else 1

    def _media(self, text: str) -> None:
        with self._lock:
            self._out.print(self._ladder.media(text), style="green")

    def _heard(self, message: SipMessage) -> None:
        if not self._drawing or message.status is not None:
            return
        line = self._ladder.draw(message)
        if line is not None:
            with self._lock:
                self._out.print(line)

    def _draw(self) -> _Drawing:
        return _Drawing(self._set_drawing)

    def _set_drawing(self, on: bool) -> None:
        self._drawing = on


@dataclass(frozen=True, slots=True)
class _Drawing:
    """The ladder is drawn inside this block."""

    switch: Callable[[bool], None]

    def __enter__(self) -> None:
        self.switch(True)

    def __exit__(self, *_: object) -> None:
        time.sleep(SETTLE_S)
        self.switch(False)
