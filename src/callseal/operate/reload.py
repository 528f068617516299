"""`callseal reload`: what the deployment says, given to a running Kamailio without losing a call.

Peers, destinations and numbers are taken while it runs. Everything else it reads at start only; a restart is safe, because
nothing about a call is in its memory, but it is asked for by name (`--restart`).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from callseal.edge.router_control import RouterControl, RouterRefusedError, RouterSilentError
from callseal.observe.errors import Error
from callseal.operate.patient import CONTROL
from callseal.operate.rendered import RELOADS, Difference
from callseal.render import SEEN_AT, RenderedFile
from callseal.render.write import write_file

STAGED = ".staged"
RELOAD_PATIENCE_S = 8.0
"""Kamailio takes a second reload of the same list after 5 s only."""
RESTART_PATIENCE_S = 30.0
_ONGOING = 500
_POLL_S = 0.25


class BadConfigurationError(Error):
    """Kamailio does not accept what was rendered; nothing was written."""

    id = "bad_configuration"


class NotBackError(Error):
    """Kamailio was told to end and nobody started it again."""

    id = "not_back"


def summary(found: Sequence[Difference]) -> list[str]:
    """One line a file: what is different, and what it takes."""
    return [
        f"{one.path}: {one.why}; {'taken while running' if one.reloads else 'needs a restart'}"
        for one in found
    ]


def write(found: Iterable[Difference], router: Path) -> None:
    """Write what differs (and take away what is left over). Raises `OSError`."""
    for one in found:
        if one.file is None:
            (router / one.path).unlink(missing_ok=True)
            continue
        path = router / one.path
        before = int(path.stat().st_mtime) if path.exists() else 0
        written = write_file(router, one.file)
        # Kamailio's db_text reads a table again only when its file is newer, and knows whole seconds.
        if int(written.stat().st_mtime) <= before:
            os.utime(written, (before + 1, before + 1))


def apply(
    found: Iterable[Difference],
    control: RouterControl,
    *,
    monotonic: Callable[[], float],
    sleep: Callable[[float], None],
) -> list[str]:
    """Have Kamailio read the data files among `found`; the commands, in order. Raises `RouterSilentError`, `RouterRefusedError`."""
    changed = {one.path for one in found}
    done = []
    for path, command in RELOADS.items():
        if path in changed:
            _patiently(control, command, monotonic, sleep)
            done.append(" ".join(command))
    return done


def _patiently(
    control: RouterControl,
    command: Sequence[str],
    monotonic: Callable[[], float],
    sleep: Callable[[float], None],
) -> None:
    deadline = monotonic() + RELOAD_PATIENCE_S
    while True:
        try:
            control.call(*command)
        except RouterRefusedError as refusal:
            if refusal.code != _ONGOING or monotonic() > deadline:
                raise
            sleep(_POLL_S)
        else:
            return


def check(
    files: Iterable[RenderedFile], router: Path, control: RouterControl, *, seen_at: str = SEEN_AT
) -> None:
    """Have the very Kamailio that runs read the new configuration (`kamailio -c`), aside, before it replaces the old one.

    It is run in the root of the running process. Raises `BadConfigurationError`, `RouterSilentError`, `OSError`.
    """
    pid = int(control.call("core.ps")[0])
    staged = router / STAGED
    shutil.rmtree(staged, ignore_errors=True)
    try:
        for file in files:
            write_file(staged, file)
        done = subprocess.run(
            ["chroot", f"/proc/{pid}/root", "kamailio", "-c", "-f", f"{seen_at}/{STAGED}/kamailio.cfg"],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if "CRITICAL" in line or "ERROR" in line]
        raise BadConfigurationError(
            "Kamailio does not accept the new configuration: " + "; ".join(said[:3]),
            advice="Nothing was changed. Does its version fit this version of Callseal?",
        )


def restart(router: Path, *, monotonic: Callable[[], float], sleep: Callable[[float], None]) -> None:
    """End Kamailio and wait until whoever supervises it has started it again. Raises `NotBackError`, `RouterSilentError`."""
    control = RouterControl(router / CONTROL)
    before = _pid(control)
    with suppress(RouterSilentError):  # it ends before it answers
        RouterControl(control.path, timeout_s=_POLL_S).call("core.kill", int(signal.SIGTERM))
    deadline = monotonic() + RESTART_PATIENCE_S
    while True:
        sleep(_POLL_S)
        with suppress(RouterSilentError):
            if _pid(control) != before:
                return
        if monotonic() > deadline:
            raise NotBackError(
                f"Kamailio ended and did not come back within {RESTART_PATIENCE_S:.0f} s",
                advice="Start it: its supervisor (systemd, the container's restart policy) did not.",
            )


def _pid(control: RouterControl) -> int:
    return int(control.call("core.ps")[0])
