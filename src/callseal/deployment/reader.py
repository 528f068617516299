"""From a TOML file to a `Deployment`, or to every fault in it at once."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from callseal.deployment import this_machine
from callseal.deployment.faults import DeploymentError, Fault
from callseal.deployment.lines import LineIndex
from callseal.deployment.lines import Path as KeyPath
from callseal.deployment.model import Deployment
from callseal.deployment.rules import RULES
from callseal.deployment.rules.raw import Finding, Raw, dotted
from callseal.deployment.validators import VALIDATORS
from callseal.deployment.values import toml_type


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found in a file. `deployment` is None when a fault is an error."""

    file: Path
    deployment: Deployment | None
    faults: tuple[Fault, ...]

    @property
    def errors(self) -> tuple[Fault, ...]:
        return tuple(fault for fault in self.faults if fault.is_error)

    @property
    def warnings(self) -> tuple[Fault, ...]:
        return tuple(fault for fault in self.faults if not fault.is_error)


def read(path: Path) -> Deployment:
    """The deployment in `path`. Raises `DeploymentError` with every error; secrets are not touched."""
    found = examine(path)
    if found.deployment is None:
        raise DeploymentError(path, found.errors)
    return found.deployment


def examine(path: Path, *, secrets: bool = False, now: float | None = None) -> Examination:
    """Every fault in `path`, in the order of the file; with `secrets`, also what this machine says about them.

    With `now` (unix seconds) the certificate files of [tls] are looked at too.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        return _unreadable(path, "CS001", 1, error.strerror or "cannot be read")
    except UnicodeDecodeError as error:
        return _unreadable(path, "CS001", 1, f"byte {error.start} is not UTF-8")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, reason = _syntax(str(error), text)
        return _unreadable(path, "CS002", line, reason)
    except RecursionError:
        return _unreadable(path, "CS002", 1, "nested too deeply")

    deployment, findings = _shape(data, path)
    findings += [finding for rule in RULES for finding in rule(Raw(data))]
    if secrets and deployment is not None:
        findings += this_machine.secrets(deployment)
    if now is not None and deployment is not None and deployment.tls is not None:
        findings += this_machine.files(deployment.tls, datetime.fromtimestamp(now, UTC))
    index = LineIndex(text)
    faults = sorted(
        {_fault(path, index, finding) for finding in findings},
        key=lambda fault: (fault.line, fault.id, fault.where),
    )
    if any(fault.is_error for fault in faults):
        deployment = None
    return Examination(path, deployment, tuple(faults))


def _unreadable(path: Path, id_: str, line: int, message: str) -> Examination:
    validator = VALIDATORS[id_]
    return Examination(path, None, (Fault(validator, path, line, "", message, validator.advice),))


def _syntax(told: str, text: str) -> tuple[int, str]:
    """`tomllib` ends its message with the position (Python 3.14 and later also has it as an attribute)."""
    found = re.search(r" \(at line (\d+), column (\d+)\)$", told)
    if found:
        return int(found[1]), f"{told[: found.start()]} (column {found[2]})"
    return len(text.splitlines()) or 1, told.removesuffix(
        " (at end of document)"
    ) + " (at the end of the file)"


def _fault(path: Path, index: LineIndex, finding: Finding) -> Fault:
    validator = VALIDATORS[finding.id]
    where = dotted(finding.path)
    return Fault(validator, path, index.line(finding.path), where, finding.message, validator.advice)


def _shape(data: dict[str, Any], path: Path) -> tuple[Deployment | None, list[Finding]]:
    try:
        return Deployment.model_validate(data, context={"base": path.resolve().parent}), []
    except ValidationError as error:
        return None, [_finding(detail) for detail in error.errors(include_url=False) if not _is_echo(detail)]


def _is_echo(detail: ErrorDetails) -> bool:
    """Pydantic also calls a list too short when everything in it is faulty; that has been said."""
    return detail["type"] == "too_short" and bool(detail["input"])


_RANGE = {"greater_than_equal": ("ge", "at least"), "less_than_equal": ("le", "at most")}


def _finding(detail: ErrorDetails) -> Finding:
    """Pydantic's words for a fault in ours. Only values of types that hold no secret are repeated."""
    kind, path = detail["type"], tuple(detail["loc"])
    context = detail.get("ctx", {})
    if kind in VALIDATORS:
        return Finding(kind, path, detail["msg"])
    if path == ("schema",):
        return Finding(
            "CS003", path, "schema is missing" if kind == "missing" else "this version reads schema = 1 only"
        )
    where = dotted(path)
    match kind:
        case "extra_forbidden":
            id_, said = "CS004", _unknown_key(path)
        case "missing":
            id_, said = "CS005", f"{where} is missing"
        case "literal_error":
            id_, said = "CS007", f"{where} takes {context['expected']}"
        case "greater_than_equal" | "less_than_equal":
            key, words = _RANGE[kind]
            id_, said = "CS008", f"{where} must be {words} {context[key]}"
        case "too_short":
            id_, said = "CS009", f"{where} is empty"
        case _:
            wanted = detail["msg"].removeprefix("Input should be ").removeprefix("a valid ")
            id_, said = "CS006", f"{where} is {toml_type(detail['input'])}; wanted: {wanted}"
    return Finding(id_, path, said)


def _unknown_key(path: KeyPath) -> str:
    """Names the key, and a known one that looks like it."""
    said = f"{dotted(path)} is not a key of this version"
    model = _model_at(path[:-1])
    if model is None:
        return said
    known = [field.alias or name for name, field in model.model_fields.items()]
    near = difflib.get_close_matches(str(path[-1]), known, n=1)
    return f"{said}; did you mean {near[0]}?" if near else said


def _model_at(path: KeyPath) -> type[BaseModel] | None:
    model: type[BaseModel] = Deployment
    for step in path:
        if isinstance(step, int):
            continue
        field = model.model_fields.get(step)
        inner = next(_models(field.annotation), None) if field is not None else None
        if inner is None:
            return None
        model = inner
    return model


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)
