"""What `callseal audit` takes on its command line: options that several verbs share, and how their values are read."""

from __future__ import annotations

import json
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any

import typer

Agent = Annotated[
    str,
    typer.Option(
        "--agent", metavar="ADDRESS", help="IP address of the agent's side, when SIP does not tell."
    ),
]
Window = Annotated[
    list[str] | None,
    typer.Option(
        "--window",
        metavar="FROM..TO",
        help="When the line was secured: Unix seconds, ISO 8601, or +seconds from the first frame. May be repeated.",
    ),
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Add the verdicts to this folder and its chain.")
]
Sign = Annotated[
    Path | None, typer.Option("--sign", metavar="KEY", help="Sign with this Ed25519 private key (PEM).")
]
Report = Annotated[
    Path | None, typer.Option("--report", metavar="FILE", help="Write one HTML page to look at.")
]
Keys = Annotated[
    str,
    typer.Option("--keys", metavar="allow|deny", help="May SRTP be opened with SDES keys of the signalling?"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the verdicts as JSON, one a line.")]


def allowed(keys: str) -> bool:
    """Whether `--keys` allows keys of the signalling. Raises `typer.BadParameter` for any other word."""
    if keys not in ("allow", "deny"):
        raise typer.BadParameter("allow or deny", param_hint="--keys")
    return keys == "allow"


def address(agent: str) -> str:
    """The address in its one form. Raises `typer.BadParameter`."""
    try:
        return str(ip_address(agent))
    except ValueError:
        raise typer.BadParameter(f"{agent!r} is not an IP address", param_hint="--agent") from None


def stretches(texts: list[str]) -> tuple[tuple[tuple[float, float], ...], bool]:
    """(windows, whether they count from the first frame)."""
    found, relative = [], set()
    for text in texts:
        begin, dots, end = text.partition("..")
        try:
            if not dots:
                raise ValueError(text)  # noqa: TRY301
            pair = (_moment(begin), _moment(end))
        except ValueError:
            raise typer.BadParameter(f"{text!r} is not FROM..TO", param_hint="--window") from None
        if pair[1] <= pair[0]:
            raise typer.BadParameter(f"{text!r} ends before it begins", param_hint="--window")
        relative |= {begin.startswith("+"), end.startswith("+")}
        found.append(pair)
    if len(relative) > 1:
        raise typer.BadParameter("all of one kind, with or without +", param_hint="--window")
    return tuple(found), True in relative


def _moment(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return datetime.fromisoformat(text).timestamp()


def read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}") from None


def read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(read_bytes(path))
    except ValueError:
        raise typer.BadParameter(f"{path} is not JSON", param_hint="--record") from None
    if not isinstance(value, dict):
        raise typer.BadParameter(f"{path} is no call's record", param_hint="--record")
    return value
