"""`callseal reload`: the deployment into a running edge."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from callseal.cli.edge import AT_HOME, DEFAULT_FILE, EdgeId, File, RouterDir, patient
from callseal.operate import reload as operate_reload
from callseal.operate.patient import router_process
from callseal.operate.rendered import differences, newer_than_start, planned
from callseal.render import SEEN_AT


def reload(
    file: File = DEFAULT_FILE,
    edge: EdgeId = "",
    router: RouterDir = AT_HOME,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Also restart Kamailio when something needs it.")
    ] = False,
) -> None:
    """Write what the deployment says and have Kamailio take it, without losing a call. Run it on the edge's host, as root.

    Peers, destinations and numbers are taken while it runs. Other changes need a restart of Kamailio, which is safe: nothing
    about a call is in its memory. Status 0: done, 1: a restart is still needed (or, with --dry-run, something would change).
    """
    who = patient(file, edge, router)
    files = planned(who.deployment, who.edge.id, SEEN_AT)
    found = list(differences(files, router))
    for line in operate_reload.summary(found):
        typer.echo(line)
    unread = newer_than_start(router, int(who.control.call("core.runinfo")["uptime_secs"]), who.now_ms())
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
    for command in operate_reload.apply(found, who.control, monotonic=time.monotonic, sleep=time.sleep):
        typer.echo(f"done: {command}")
    if not needs_restart:
        return
    if not restart:
        typer.echo(
            "written, but Kamailio must be restarted to take all of it: safe with calls up. --restart does it."
        )
        raise typer.Exit(1)
    operate_reload.restart(who.control, router_process(who), monotonic=time.monotonic, sleep=time.sleep)
    typer.echo("done: restarted")
