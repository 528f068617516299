"""`callseal reload`: the deployment into a running edge."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from callseal.cli.edge import AT_HOME, EdgeId, RouterDir, patient
from callseal.cli.options import DEFAULT_FILE, File
from callseal.operate import reload as operate_reload
from callseal.operate.patient import router_process
from callseal.operate.rendered import differences, newer_than_start, planned
from callseal.render import SEEN_AT

_WRITTEN = "written, but Kamailio must be restarted to take all of it: safe with calls up. --restart does it."
_HELD_BACK = (
    "written, but held back: what carriers are trusted with is read at start only, and lists that were taken before it would give "
    "one carrier what another is trusted with. Until Kamailio is restarted nothing of the change is taken: safe with calls up. "
    "--restart does it."
)


def reload(
    file: File = DEFAULT_FILE,
    edge: EdgeId = "",
    router: RouterDir = AT_HOME,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Also restart Kamailio when something needs it.")
    ] = False,
) -> None:
    """Have Kamailio take what the deployment says; no call is lost. Run it on the edge's host, as root.

    Addresses, destinations, numbers and certificates are taken while it runs. Other changes need a restart of Kamailio, which is
    safe: nothing about a call is in its memory. When what carriers are trusted with is among them, nothing is taken before it.
    Status 0: done, 1: a restart is still needed (or, with --dry-run, something would change).
    """
    who = patient(file, edge, router)
    files = planned(who.deployment, who.edge.id, SEEN_AT)
    found = list(differences(files, router))
    unread = newer_than_start(router, int(who.control.call("core.runinfo")["uptime_secs"]), who.now_ms())
    held = operate_reload.held_back(found, unread)
    for line in operate_reload.summary(found, held=held):
        typer.echo(line)
    needs_restart = bool(unread) or any(one.restarts for one in found)
    for name in unread:
        typer.echo(f"{name}: written before, but Kamailio was not restarted since")
    if not found and not needs_restart:
        typer.echo("nothing to change")
        return
    if dry_run:
        raise typer.Exit(1)
    if needs_restart:
        operate_reload.check(files, router, router_process(who))
    operate_reload.write(found, router)
    taken = [] if held else found
    for command in operate_reload.apply(taken, who.control, monotonic=time.monotonic, sleep=time.sleep):
        typer.echo(f"done: {command}")
    if not needs_restart:
        return
    if not restart:
        typer.echo(_HELD_BACK if held else _WRITTEN)
        raise typer.Exit(1)
    operate_reload.restart(who.control, router_process(who), monotonic=time.monotonic, sleep=time.sleep)
    typer.echo("done: restarted")
