"""The verbs of `callseal`, and how each is loaded when it is asked for, not before.

`callseal --help` lists them from this table alone. Loading every verb to read one line of each would load the deployment's
models, the lab, SQLite and an HTTP client, and that is most of a second.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: `entry` is MODULE:NAME in this package, a function or a `Typer` with verbs of its own.

    `summary` is how its help begins, word for word, as far as a list may show it.
    """

    name: str
    entry: str
    summary: str

    def listed(self) -> TyperCommand:
        """What stands in a list: a name and its summary, nothing to call."""
        return TyperCommand(self.name, help=self.summary)

    def load(self) -> Any:
        """The command that Typer makes of it, imported now."""
        module, _, attribute = self.entry.partition(":")
        what = getattr(importlib.import_module(f"callseal.cli.{module}"), attribute)
        holder = typer.Typer(rich_markup_mode=None)
        if isinstance(what, typer.Typer):
            holder.add_typer(what, name=self.name)
        else:
            holder.command(self.name)(what)
        return get_group(holder).commands[self.name]


VERBS = (
    Verb(
        "demo",
        "demo:demo",
        "Play a paid call on real parts, and say what the agent heard.",
    ),
    Verb("check", "check:check", "Read a deployment file and tell every fault in it at once."),
    Verb("keys", "keys:keys", "Create the secret files that are named and missing."),
    Verb(
        "password",
        "password:password",
        "Turn a password into the record that its file may hold.",
    ),
    Verb(
        "render",
        "render:render",
        "Write what one edge's Kamailio reads, and its firewall.",
    ),
    Verb("doctor", "doctor:doctor", "Check a running edge: one line a check, with advice."),
    Verb(
        "reload",
        "reload:reload",
        "Have Kamailio take what the deployment says; no call is lost.",
    ),
    Verb("drain", "drain:drain", "Take no new calls, and wait until none is left."),
    Verb("undrain", "drain:undrain", "Take new calls again."),
    Verb(
        "record",
        "record:record",
        "Show the record of one call: times, states, evidence, result.",
    ),
    Verb("backup", "backup:backup", "Copy the desk's store into a folder, the desk running or not."),
    Verb(
        "canary",
        "canary:canary",
        "Place a paid test call and listen at the agent's side.",
    ),
    Verb(
        "payments",
        "payments:payments",
        "Switch card payments off or on for every call, at the desk.",
    ),
    Verb(
        "audit",
        "audit:app",
        "Did a digit reach the agent's side? callseal audit CAPTURE...",
    ),
    Verb(
        "explore",
        "explore:explore",
        "Explore the model of a call: every state, with faults.",
    ),
)


class Verbs(TyperGroup):
    """Lists the table, and puts the real command in its place when one is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._verbs = {verb.name: verb for verb in VERBS}
        for verb in VERBS:
            self.add_command(verb.listed())

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, listed, rest = super().resolve_command(ctx, args)
        return name, self._verbs[name].load() if name is not None else listed, rest
