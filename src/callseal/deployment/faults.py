"""One finding in a deployment file: its types, and how a field refuses. What can be found is the table in `validators`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic_core import PydanticCustomError

from callseal.observe.errors import Error


class Severity(StrEnum):
    """An error stops everything; a warning is said loudly and goes on."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Validator:
    """One thing that is checked: `id` and `name` for machines, `meaning` and `advice` for people."""

    id: str
    name: str
    meaning: str
    advice: str
    severity: Severity = Severity.ERROR


@dataclass(frozen=True, slots=True)
class Fault:
    """One finding: which validator spoke, where (`line` counts from 1), about what, and what to do."""

    validator: Validator
    file: Path
    line: int
    where: str
    message: str
    advice: str

    @property
    def id(self) -> str:
        return self.validator.id

    @property
    def is_error(self) -> bool:
        return self.validator.severity is Severity.ERROR

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.validator.id} {self.validator.name}: {self.message}"


class DeploymentError(Error):
    """The deployment file has errors; `faults` holds every one of them, in the order of the file."""

    id = "deployment_error"

    def __init__(self, file: Path, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        many = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        super().__init__(f"{file}: {many}", advice=f"`callseal check {file}` explains each.")

    def diagnostics(self) -> str:
        told = [self.message]
        for fault in self.faults:
            told += [str(fault), f"    {fault.advice}"]
        return "\n".join(told)


def refuse(validator_id: str, message: str) -> PydanticCustomError:
    """A field's refusal in pydantic's words: the reader turns it into a `Fault` of that validator."""
    # The message goes through the context, so that braces in it are not taken for a template.
    return PydanticCustomError(validator_id, "{said}", {"said": message})
