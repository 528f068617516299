"""`callseal password`: what a secret file may hold instead of an agent's password."""

from __future__ import annotations

import secrets
import sys

import typer

from callseal.desk.passwords import scrypt_record
from callseal.observe.errors import Error

LEAST = 12
"""Characters: PCI DSS v4, 8.3.6."""
_SALT_BYTES = 16


class PasswordError(Error):
    """Too short, empty, or not the same twice."""

    id = "bad_password"


def password() -> None:
    """Turn a password into the record that its file may hold. It is what `[[desk.agents]] password` may name.

    Asks twice on a terminal, else reads one line from standard input. The record goes to standard output; the password itself is
    neither shown nor kept, and is never an argument, which `ps` would show to everybody.
    """
    given = _asked() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if len(given) < LEAST:
        raise PasswordError(f"the password has fewer than {LEAST} characters", advice="Choose a longer one.")
    typer.echo(scrypt_record(given, secrets.token_bytes(_SALT_BYTES)))


def _asked() -> str:
    first = str(typer.prompt("Password", hide_input=True, err=True))
    if typer.prompt("Again", hide_input=True, err=True) != first:
        raise PasswordError("the two are not the same", advice="Run the command again.")
    return first
