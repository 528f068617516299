"""`callseal record`: what happened on one call."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import Annotated

import typer

from callseal.cli.options import DEFAULT_FILE, PASSWORD, File
from callseal.deployment import read
from callseal.operate import record as operate_record

_REFERENCE = re.compile("[0-9a-f]{32}")


def record(
    reference: Annotated[str, typer.Argument(metavar="REFERENCE", help="The call reference, 32 hex digits.")],
    file: File = DEFAULT_FILE,
    desk: Annotated[
        str, typer.Option("--desk", metavar="URL", help="Ask a desk instead of reading the store's file.")
    ] = "",
    login: Annotated[
        str, typer.Option("--login", metavar="NAME", help=f"Agent to ask as; {PASSWORD} holds the password.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the record as JSON.")] = False,
) -> None:
    """Show the record of one call: times, states, evidence, result. It holds no digit of a card.

    Without --desk the store that the deployment names is read, on the desk's host.
    """
    if not _REFERENCE.fullmatch(reference):
        raise typer.BadParameter(f"{reference!r} is not 32 hex digits", param_hint="REFERENCE")
    if desk:
        if not login:
            raise typer.BadParameter("an agent is needed to ask a desk", param_hint="--login")
        password = os.environ.get(PASSWORD) or (
            sys.stdin.isatty() and typer.prompt("Password", hide_input=True)
        )
        if not password:
            raise typer.BadParameter(
                f"its password is needed, in {PASSWORD} or at a terminal", param_hint="--login"
            )
        found = operate_record.from_desk(desk, reference, login, password)
    else:
        found = operate_record.from_store(read(file).desk.store, reference)
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for line in operate_record.as_text(found):
        typer.echo(line)
