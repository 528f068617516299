"""`callseal drain` and `callseal undrain`: an edge out of service and back, without a lost call."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from callseal.cli.edge import AT_HOME, EdgeId, RouterDir, patient
from callseal.cli.options import DEFAULT_FILE, File
from callseal.operate import drain as operate_drain


def drain(
    file: File = DEFAULT_FILE,
    edge: EdgeId = "",
    router: RouterDir = AT_HOME,
    limit: Annotated[
        float, typer.Option("--limit", metavar="SECONDS", min=0, help="How long to wait for the last call.")
    ] = 3600.0,
) -> None:
    """Take no new calls, and wait until none is left. Run it on the edge's host, as root.

    Status 0: nothing is left, 1: the limit was over first (the edge goes on draining). `callseal undrain`, or a restart of
    Kamailio, ends it.
    """
    done = operate_drain.drain(
        patient(file, edge, router), limit_s=limit, say=typer.echo, monotonic=time.monotonic, sleep=time.sleep
    )
    if not done:
        raise typer.Exit(1)


def undrain(file: File = DEFAULT_FILE, edge: EdgeId = "", router: RouterDir = AT_HOME) -> None:
    """Take new calls again."""
    who = patient(file, edge, router)
    operate_drain.switch(who, draining=False)
    typer.echo(f"{who.edge.id} takes new calls")
