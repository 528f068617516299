"""How verdicts are told: kept, signed, drawn, printed, and the exit code they make."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

CLEAN, DIGITS, NO_EVIDENCE = 0, 3, 4
"""Exit codes; 1 is an error told on standard error, 2 a wrong command line."""
_STYLES = {"clean": "bold green", "digits": "bold red", "no_evidence": "bold yellow"}


def tell(found: list[Any], out: Path | None, report: Path | None, sign: Path | None, *, as_json: bool) -> int:
    """Seal what was `found` into `out`, print it, draw `report`; returns the worst exit code of all verdicts."""
    from callseal.audit import command  # noqa: PLC0415

    console = Console(highlight=False, soft_wrap=True)
    kept, results = [], set()
    for verdict in command.sealing(found, out, sign):
        results.add(verdict["result"]["verdict"])
        if report:
            kept.append(verdict)
        if as_json:
            typer.echo(json.dumps(verdict, sort_keys=True, ensure_ascii=False))
        else:
            lines = command.as_text(verdict)
            console.print(Text(lines[0], _STYLES[verdict["result"]["verdict"]]))
            for line in lines[1:]:
                console.print(Text(line))
    if report:
        command.write_report(report, found, kept)
        if not as_json:
            console.print(f"report {report.resolve().as_uri()}")
    return DIGITS if "digits" in results else NO_EVIDENCE if "no_evidence" in results else CLEAN
