"""`callseal demo`: one paid call with its ladder, a mistyped field, a decline, and the verdict on what the agent heard."""

from __future__ import annotations

import shutil
import signal
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from callseal import __version__
from callseal.audit.recorder import Recorder
from callseal.lab.demo_audit import recording, told
from callseal.lab.demo_calls import DemoCalls
from callseal.lab.demo_hosts import EXPLAINED, MAP, firewall_lines
from callseal.lab.demo_screen import Screen
from callseal.lab.hosts import Hosts
from callseal.lab.phone import PhoneError, write_settings
from callseal.lab.preflight import faults
from callseal.lab.serve import serve
from callseal.lab.site import Site
from callseal.lab.workspace import Workspace
from callseal.lab.world import World
from callseal.observe.errors import Error


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
        self._screen = Screen(options.site)

    def run(self) -> int:
        self._screen.out.print(
            f"Callseal {__version__}: a card payment on a live call, on real Kamailio, rtpengine and SIP phones",
            style="bold",
        )
        if isinstance(self._options.site, Hosts):
            self._screen.stage(MAP)
        with ExitStack() as stack:
            world = stack.enter_context(
                World(Workspace(self._root, self._options.site), stage=self._screen.stage)
            )
            recorder = stack.enter_context(recording(self._options.site))
            heard = DemoCalls(self._screen).play(world)
            self._firewalls(self._options.site)
            code = self._screen.verdict(heard)
            if recorder is not None:
                code = self._audit(recorder) or code
            else:
                self._screen.out.print("AUDIT    none: a packet socket cannot be opened here", style="dim")
            self._next()
            if self._options.serve:
                self._serve(world)
        if self._options.serve:
            self._screen.out.print("\nstopped; nothing is left running", style="dim")
        return code

    def _serve(self, world: World) -> None:
        """Ctrl-C is how it ends, as it has said: not an error."""
        with suppress(KeyboardInterrupt):
            serve(world, write_settings(world.workspace), self._screen.out)

    def _firewalls(self, site: Site) -> None:
        if not isinstance(site, Hosts):
            return
        self._screen.stage(EXPLAINED)
        for line in firewall_lines(site):
            self._screen.stage(line)

    def _next(self) -> None:
        if not self._options.serve:
            serving = '"--hosts --serve"' if isinstance(self._options.site, Hosts) else "--serve"
            self._screen.out.print(
                f"next: make demo ARGS={serving}   (press the keys yourself)   make test   docs/tutorial/",
                style="dim",
            )

    def _audit(self, recorder: Recorder) -> int:
        clean, line, more = told(recorder, self._options.keep, self._options.report, int(time.time()))
        self._screen.out.print(Text(line, style="bold green" if clean else "bold red"))
        self._screen.out.print(Text(more, style="dim"))
        return 0 if clean else 1
