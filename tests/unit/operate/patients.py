"""An edge under examination as the tests of the checks see it, and what they ask of a finding."""

from __future__ import annotations

from dataclasses import replace

from callseal.operate.finding import Finding
from callseal.operate.patient import Answer, Patient

NOW = 1_790_000_000_000


def levels(*findings: Finding) -> list[str]:
    return [str(finding.level) for finding in findings]


def answering(who: Patient, status: int, text: str = "", date: str = "") -> Patient:
    return replace(who, get=lambda _: Answer(status, text, date))
