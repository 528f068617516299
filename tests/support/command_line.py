"""`callseal` within this process, for tests: its start costs more than most of what it does."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest

from callseal.cli import main


@dataclass(frozen=True)
class Done:
    """How it ended. The text is without colours."""

    returncode: int
    stdout: str
    stderr: str


def callseal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: object) -> Done:
    """Run it with `arguments`, as a shell would."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "argv", ["callseal", *map(str, arguments)])
    capsys.readouterr()
    code = 0
    try:
        main.run()
    except SystemExit as end:
        code = int(end.code or 0)
    said = capsys.readouterr()
    return Done(code, said.out, said.err)
