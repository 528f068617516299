"""`callseal reload`: what the deployment says, given to a running Kamailio without losing a call.

Addresses, destinations, numbers and certificates are taken while it runs, unless what carriers are trusted with changes too
(`held_back`). Everything else it reads at start only; a restart is safe, because nothing about a call is in its memory, but it
is asked for by name (`--restart`).
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
from callseal.operate.rendered import RELOADS, Difference
from callseal.render import SEEN_AT, RenderedFile
from callseal.render.write import write_file

STAGED = ".staged"
POLICIES = "data/policies.cfg"
RELOAD_PATIENCE_S = 8.0
"""Kamailio takes a second reload of the same list after 5 s only."""
RESTART_PATIENCE_S = 30.0
TERM_PATIENCE_S = 5.0
_ONGOING = 500
_TLS = ("tls.reload",)
_POLL_S = 0.25


class BadConfigurationError(Error):
    """Kamailio does not accept what was rendered; nothing was written."""

    id = "bad_configuration"


class NotBackError(Error):
    """Kamailio was told to end and nobody started it again."""

    id = "not_back"


def held_back(found: Iterable[Difference], unread: Iterable[str]) -> bool:
    """Whether nothing may be taken before a restart: what carriers are trusted with differs, or was written and is unread.

    `POLICIES` is read at start only: with new lists beside old policies, a new carrier would be one whose headers nobody takes away. A
    carrier keeps its number as long as its id, so a list alone never gives it another's trust, or another's calls.
    """
    return POLICIES in {*unread, *(one.path for one in found)}


def summary(found: Sequence[Difference], *, held: bool = False) -> list[str]:
    """One line a file: what is different, and what it takes. `held`: as `held_back` says."""
    waits = RELOADS if held else {}
    return [
        f"{one.path}: {one.why}; {'waits for the restart' if one.path in waits else one.takes}"
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
    wanted = dict.fromkeys(command for path, command in RELOADS.items() if path in changed)
    if _TLS in wanted and _TLS[0] not in control.call("system.listMethods"):
        del wanted[_TLS]  # it does not speak TLS yet: that takes the restart which is asked for anyway
    for command in wanted:
        _patiently(control, command, monotonic, sleep)
    return [" ".join(command) for command in wanted]


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


def check(files: Iterable[RenderedFile], router: Path, pid: int, *, seen_at: str = SEEN_AT) -> None:
    """Have the very Kamailio that runs (process `pid`) read the new configuration, aside, before it replaces the old one.

    `kamailio -c` is run in the root of that process and as its user: what he may not read is found here, and what he has put in
    the place of a file is not read by root. Raises `BadConfigurationError`, `OSError`.
    """
    staged = router / STAGED
    shutil.rmtree(staged, ignore_errors=True)
    try:
        # Its user may write beside it: nothing that he has made is taken for ours.
        staged.mkdir(mode=0o750)
        os.chown(staged, -1, router.stat().st_gid)
        for file in files:
            write_file(staged, file)
        done = subprocess.run(
            [
                "chroot",
                *user_of(pid),
                f"/proc/{pid}/root",
                "kamailio",
                "-c",
                "-M",
                "32",
                "-f",
                f"{seen_at}/{STAGED}/kamailio.cfg",
            ],
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


def user_of(pid: int, proc: Path = Path("/proc")) -> list[str]:
    """Options of chroot(1) for the user and the groups that process `pid` has (proc_pid_status(5): the effective ones). Raises `OSError`."""
    lines = (proc / str(pid) / "status").read_text(encoding="utf-8", errors="replace").splitlines()
    said = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    user, group = said["Uid"][1], said["Gid"][1]
    return [f"--userspec={user}:{group}", f"--groups={','.join(said.get('Groups') or [group])}"]


def restart(
    control: RouterControl, pid: int, *, monotonic: Callable[[], float], sleep: Callable[[float], None]
) -> None:
    """End Kamailio (main process `pid`) and wait until whoever supervises it has started it again. Raises `NotBackError`.

    Not by its RPC `core.kill`: that signals all of its processes at once, and main may then hang on its way out.
    """
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        _until(lambda: not _lives(pid), TERM_PATIENCE_S, monotonic, sleep)
        if os.getpgid(pid) == pid and _lives(pid):
            os.killpg(pid, signal.SIGKILL)
    if not _until(lambda: not _lives(pid) and _answers(control), RESTART_PATIENCE_S, monotonic, sleep):
        raise NotBackError(
            f"Kamailio was told to end and did not come back within {RESTART_PATIENCE_S:.0f} s",
            advice="Start it: its supervisor (systemd, the container's restart policy) did not.",
        )


def _until(
    good: Callable[[], bool],
    patience_s: float,
    monotonic: Callable[[], float],
    sleep: Callable[[float], None],
) -> bool:
    deadline = monotonic() + patience_s
    while not good():
        if monotonic() > deadline:
            return False
        sleep(_POLL_S)
    return True


def _lives(pid: int) -> bool:
    """A process that has ended but was not collected yet has no root any more."""
    try:
        Path(f"/proc/{pid}/root").readlink()
    except OSError:
        return False
    return True


def _answers(control: RouterControl) -> bool:
    try:
        control.call("core.uptime")
    except RouterSilentError:
        return False
    return True
