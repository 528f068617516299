"""`callseal check`: everything that is wrong with a deployment file."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from callseal.cli.options import File
from callseal.deployment import Deployment, Examination, Fault, examine
from callseal.deployment.anchoring import against_one, anchors


def check(
    file: File,
    secrets: Annotated[bool, typer.Option(help="Also look whether every secret is there.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the faults as a JSON list.")] = False,
) -> None:
    """Read a deployment file and tell every fault in it at once.

    Each fault has a line, an id and advice. Status 0: no error (warnings are told), 1: errors.
    """
    found = examine(file, secrets=secrets, now=time.time() if secrets else None)
    if as_json:
        typer.echo(json.dumps([_as_dict(fault) for fault in found.faults], indent=2))
    else:
        _print(found, Console(highlight=False))
    if found.errors:
        raise typer.Exit(1)


def _print(found: Examination, console: Console) -> None:
    for faults in _by_validator(found.faults):
        validator, style = faults[0].validator, "bold red" if faults[0].is_error else "bold yellow"
        # soft_wrap: file:line must stay clickable and greppable when the output is not a terminal.
        console.print(
            Text.assemble((f"{validator.id} {validator.name}", style), f" ({validator.severity})"),
            soft_wrap=True,
        )
        for fault in faults:
            place = Text.assemble("  ", (f"{fault.file}:{fault.line}", "bold"), f"  {_said(fault)}")
            console.print(place, soft_wrap=True)
        console.print(Text(f"  {validator.advice}", "dim"), soft_wrap=True)
        console.print()
    if found.deployment is not None:
        console.print(
            Text.assemble(f"{found.file}: ", ("good", "bold green"), f", {_contents(found.deployment)}"),
            soft_wrap=True,
        )
        console.print(Text(f"  fence: {_fence(found.deployment)}"), soft_wrap=True)
        console.print(Text(f"  anchors: {_anchors(found.deployment)}"), soft_wrap=True)
    told = [_count(len(found.errors), "error"), _count(len(found.warnings), "warning")]
    if found.faults:
        console.print(Text(f"{found.file}: {', '.join(told)}"), soft_wrap=True)


def _said(fault: Fault) -> str:
    """The message, with its key before it unless it begins with that."""
    if fault.message.startswith(f"{fault.where} "):
        return fault.message
    return f"{fault.where or 'file'}: {fault.message}"


def _by_validator(faults: Iterable[Fault]) -> list[list[Fault]]:
    """Faults of one validator together, errors first, else in the order of the file."""
    groups: dict[str, list[Fault]] = {}
    for fault in sorted(faults, key=lambda fault: not fault.is_error):
        groups.setdefault(fault.id, []).append(fault)
    return list(groups.values())


def _contents(deployment: Deployment) -> str:
    standing_by = len(deployment.partner.standby)
    parts = (
        (deployment.carriers, "carrier"),
        (deployment.numbers, "number"),
        (deployment.edges, "edge"),
        (deployment.desk.agents, "agent"),
    )
    said = [_count(len(things), word) for things, word in parts]
    return ", ".join(said + ([f"{_count(standing_by, 'partner')} standing by"] if standing_by else []))


def _fence(deployment: Deployment) -> str:
    """Which policy applies, and what is left to the partner's mask with it."""
    unchecked = [partner.id for partner in deployment.partners if not partner.mask_checked]
    partner, checked = (unchecked or [deployment.partner.id])[0], not unchecked
    mask = f"the mask of partner {partner} is {'' if checked else 'not '}checked (mask_checked)"
    if deployment.router.fence is None:
        return f"{deployment.fence}, because {mask}"
    if deployment.fence == "events":
        return f"events: the sound of keys is left to the partner; {mask}"
    return deployment.fence


def _anchors(deployment: Deployment) -> str:
    """How many sessions a normal call crosses, and why when the file does not say."""
    chosen, against = anchors(deployment), against_one(deployment)
    if deployment.platform.anchors is not None:
        return chosen
    if chosen == "two":
        return f"two, because {against}"
    return "one: the platform must send its audio from the address and port that its SDP names"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _as_dict(fault: Fault) -> dict[str, object]:
    return {
        "id": fault.id,
        "name": fault.validator.name,
        "severity": fault.validator.severity,
        "file": str(fault.file),
        "line": fault.line,
        "where": fault.where,
        "message": fault.message,
        "advice": fault.advice,
    }
