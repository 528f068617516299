"""The edge under examination: nobody answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from callseal.deployment import read
from callseal.lab.block import Block
from callseal.lab.workspace import Workspace
from callseal.operate.patient import Answer, NoAnswerError, Patient
from tests.unit.operate.patients import NOW


@pytest.fixture
def who(tmp_path: Path) -> Patient:
    """Nobody answers."""
    workspace = Workspace(tmp_path, Block("127.88.0"))
    workspace.prepare()
    deployment = read(workspace.deployment)

    def get(url: str) -> Answer:
        raise NoAnswerError("ConnectError")

    return Patient(
        deployment=deployment,
        edge=deployment.edge("edge-1"),
        router=tmp_path / "router",
        now_ms=lambda: NOW,
        get=get,
        ng=lambda _address, _command: None,
        proc=tmp_path / "proc",
    )
