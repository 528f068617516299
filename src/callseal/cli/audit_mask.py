"""`callseal audit mask`: the conformance check of a partner's mask, on a capture of a test call."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from callseal.audit import libraries
from callseal.cli.audit_bar import audit_files
from callseal.cli.audit_options import Keys, allowed

PASSED, LEAKS, NOT_SHOWN = 0, 3, 4


def mask(
    captures: Annotated[
        list[Path], typer.Argument(metavar="CAPTURE...", help="All of the edge's traffic, SIP included.")
    ],
    deployment: Annotated[
        Path | None,
        typer.Option(
            "--deployment", metavar="FILE", help='The deployment of the test: fence = "unsafe-off".'
        ),
    ] = None,
    keys: Keys = "deny",
) -> None:
    """Has the partner's mask passed, in a call without a fence?

    Every key is pressed while secured, and nobody speaks (docs/how-to/fence.md).

    Status 0: passed, 3: something of a key reached the agent's side, 4: not shown, 1: nothing could be judged.
    """
    may_open = allowed(keys)
    libraries.load()
    from callseal.audit import conformance  # noqa: PLC0415 - large, and of no use to any other verb
    from callseal.audit.command import Options  # noqa: PLC0415
    from callseal.deployment import read  # noqa: PLC0415

    fence = read(deployment).fence if deployment else None
    found = audit_files(captures, Options(keys=may_open), made_at=0)
    result = conformance.mask_conformance(found, fence=fence)
    console = Console(highlight=False, soft_wrap=True)
    for row in map(asdict, result.rows):
        console.print(
            "{way:<32} {pressed:>4} keys pressed while secured, {different:>2} different".format(**row)
        )
    console.print(
        f"{'the agent got':<32} {result.arrived:>4} keys, longest rest of a tone {result.rest_ms:.0f} ms"
    )
    if result.passed:
        console.print(
            Text("PASSED       mask_checked = true may be said, for the ways that were pressed", "bold green")
        )
        return
    console.print(
        Text(
            "NOT PASSED   " if result.leaks else "NOT SHOWN    ",
            "bold red" if result.leaks else "bold yellow",
        )
        + result.reasons[0]
    )
    for reason in result.reasons[1:]:
        console.print(f"             {reason}")
    raise typer.Exit(LEAKS if result.leaks else NOT_SHOWN)
