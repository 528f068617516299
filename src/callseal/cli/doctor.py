"""`callseal doctor`: what is wrong with a running edge, and what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from callseal.cli.edge import AT_HOME, EdgeId, RouterDir, patient
from callseal.cli.options import DEFAULT_FILE, File
from callseal.operate.doctor import deployment_findings, examine_edge
from callseal.operate.finding import Finding, Level, exit_code

_STYLES = {Level.OK: "green", Level.WARN: "bold yellow", Level.FAIL: "bold red"}


def doctor(
    file: File = DEFAULT_FILE,
    edge: EdgeId = "",
    router: RouterDir = AT_HOME,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as a JSON list.")] = False,
) -> None:
    """Check a running edge: one line a check, with advice. Run it on the edge's host, as root.

    Status 0: all well, 1: warnings, 2: something failed.
    """
    console = Console(highlight=False)
    found: list[Finding] = []
    for finding in _findings(file, edge, router):
        found.append(finding)
        if not as_json:
            _print(finding, console)
    if as_json:
        typer.echo(json.dumps([finding.as_json() for finding in found], indent=2))
    raise typer.Exit(exit_code(found))


def _findings(file: Path, edge: str, router: Path) -> Iterator[Finding]:
    about = deployment_findings(file)
    yield from about
    if exit_code(about) == 0:
        yield from examine_edge(patient(file, edge, router))


def _print(finding: Finding, console: Console) -> None:
    console.print(
        Text.assemble((f"{finding.level:4}", _STYLES[finding.level]), f"  {finding.check:18} {finding.text}"),
        soft_wrap=True,
    )
    if finding.advice:
        console.print(Text(f"{'':25}{finding.advice}", "dim"), soft_wrap=True)
