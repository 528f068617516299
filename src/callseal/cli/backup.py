"""`callseal backup`: a copy of the desk's store."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from callseal.cli.options import DEFAULT_FILE, File
from callseal.deployment import read
from callseal.operate.backup import back_up


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the copy goes; made when missing.")],
    file: File = DEFAULT_FILE,
) -> None:
    """Copy the desk's store into a folder, the desk running or not. No token of a call is in the copy.

    Run it on the desk's host. The copy is a store itself: put it in the place of a lost one. Calls that are under way are over
    in it; charges whose outcome is open are asked about, and none is made.
    """
    target, copied = back_up(read(file).desk.store, folder, time.time_ns() // 1_000_000)
    typer.echo(f"{target}: {copied.calls} calls; no token of a call is in it")
    if copied.closed:
        typer.echo(f"  {copied.closed} of them under way now, over in the copy")
    if copied.asking:
        typer.echo(
            f"  {copied.asking} with a charge whose outcome is open: a desk on this copy asks about it"
        )
