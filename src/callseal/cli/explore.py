"""`callseal explore`: every reachable state of a secured call, and what the agent could hear in it."""

from __future__ import annotations

from typing import Annotated

import typer

from callseal.explorer import page


def explore(
    faults: Annotated[
        int, typer.Option("--faults", min=0, max=4, help="Most faults in one call; more take much longer.")
    ] = page.FAULTS,
) -> None:
    """Explore the model of a call: every state, with faults. Prints the page docs/reference/states.md.

    Status 0: every invariant holds, 1: one does not (its shortest counter-example is printed).
    """
    found = page.run(faults)
    typer.echo(page.page(found), nl=False)
    if found.broken:
        raise typer.Exit(1)
