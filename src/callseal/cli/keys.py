"""`callseal keys`: the secret files that a deployment names."""

from __future__ import annotations

import secrets

import typer

from callseal.cli.options import File
from callseal.deployment import read
from callseal.deployment.keys import create_missing


def keys(file: File) -> None:
    """Create the secret files that are named and missing.

    Existing files are never changed, and no secret is printed.
    """
    made = create_missing(read(file), secrets.token_bytes)
    for path in made:
        typer.echo(f"created {path}")
    if not made:
        typer.echo("nothing to create")
