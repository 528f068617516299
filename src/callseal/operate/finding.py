"""What a check says: one line, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """`fail`: calls or payments suffer, or something forbidden is on. `warn`: it will, or it may."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """`check` is the stable id of the check. `advice` is empty when all is well."""

    check: str
    level: Level
    text: str
    advice: str = ""

    def as_json(self) -> dict[str, str]:
        return {"check": self.check, "level": self.level, "text": self.text, "advice": self.advice}


def ok(check: str, text: str) -> Finding:
    return Finding(check, Level.OK, text)


def warn(check: str, text: str, advice: str) -> Finding:
    return Finding(check, Level.WARN, text, advice)


def fail(check: str, text: str, advice: str) -> Finding:
    return Finding(check, Level.FAIL, text, advice)


def exit_code(findings: Iterable[Finding]) -> int:
    """0: all well, 1: warnings, 2: something failed."""
    levels = {finding.level for finding in findings}
    if Level.FAIL in levels:
        return 2
    return 1 if Level.WARN in levels else 0
