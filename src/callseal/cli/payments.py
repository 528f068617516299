"""`callseal payments`: payments off for every call, on again, and how they stand."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from callseal.cli.options import DEFAULT_FILE, File
from callseal.deployment import read
from callseal.operate.payments_switch import operators_of


class Wish(StrEnum):
    ON = "on"
    OFF = "off"
    SHOW = "show"


def payments(
    wish: Annotated[Wish, typer.Argument(metavar="on|off|show")],
    file: File = DEFAULT_FILE,
    by: Annotated[
        str, typer.Option("--by", metavar="NAME", help="Who says so, for the log (default: your login name).")
    ] = "",
) -> None:
    """Switch card payments off or on for every call, at the desk. Calls go on; the Secure button says why it is gone.

    What a canary call switched off stays off until somebody says `on`. Status of `show`: 0 on, 1 off.
    """
    operators = operators_of(read(file))
    if wish is Wish.SHOW:
        now = operators.payments()
    else:
        now = operators.switch(allowed=wish is Wish.ON, by=by or getpass.getuser())
    if now.allowed:
        typer.echo("payments are on")
        return
    since = datetime.fromtimestamp((now.since or 0) / 1000, UTC)
    typer.echo(f"payments are off since {since:%Y-%m-%d %H:%M:%S} UTC: {now.reason}, by {now.by}")
    raise typer.Exit(0 if wish is Wish.OFF else 1)
