"""What `callseal reload` has Kamailio take, and what it holds back until a restart."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from callseal.cli import reload as cli
from callseal.cli.main import app
from callseal.deployment import Deployment, read
from callseal.lab.block import Block
from callseal.lab.workspace import Workspace
from callseal.operate import reload as operate_reload
from callseal.operate.rendered import planned
from callseal.render import SEEN_AT
from callseal.render.write import write_file

pytestmark = pytest.mark.unit

UPTIME_S = 60


class _Control:
    def __init__(self) -> None:
        self.commands: list[str] = []

    def call(self, method: str, *params: str) -> Any:
        if method == "core.runinfo":
            return {"uptime_secs": UPTIME_S}
        self.commands.append(" ".join((method, *params)))
        return "Ok"


@dataclass
class _Edge:
    """A running edge whose Kamailio has read what lies in `router`; `restarts` counts."""

    router: Path
    deployment: Deployment
    control: _Control = field(default_factory=_Control)
    restarts: int = 0

    def reload(self, *arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["reload", "--router", str(self.router), *arguments])
        return done.exit_code, done.output


@pytest.fixture
def edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Edge:
    workspace = Workspace(tmp_path, Block("127.9.9"))
    workspace.prepare()
    deployment = read(workspace.deployment)
    trusted = deployment.carriers[0]
    other = trusted.model_copy(update={"id": "carrier-b", "payments": False})
    edge = _Edge(workspace.router, deployment.model_copy(update={"carriers": (trusted, other)}))
    before = time.time() - 2 * UPTIME_S
    for file in planned(edge.deployment, "edge-1", SEEN_AT):
        os.utime(write_file(edge.router, file), (before, before))

    def patient(*_: object) -> object:
        return SimpleNamespace(
            deployment=edge.deployment,
            edge=edge.deployment.edge("edge-1"),
            control=edge.control,
            now_ms=lambda: int(time.time() * 1000),
        )

    def restart(*_: object, **__: object) -> None:
        edge.restarts += 1

    monkeypatch.setattr(cli, "patient", patient)
    monkeypatch.setattr(cli, "router_process", lambda _: 1)
    monkeypatch.setattr(operate_reload, "check", lambda *_: None)
    monkeypatch.setattr(operate_reload, "restart", restart)
    return edge


def test_nothing_to_change(edge: _Edge) -> None:
    assert edge.reload() == (0, "nothing to change\n")
    assert edge.control.commands == []


def test_a_new_number_is_taken_while_it_runs(edge: _Edge) -> None:
    number = edge.deployment.numbers[0].model_copy(update={"number": "+442079460999"})
    edge.deployment = edge.deployment.model_copy(update={"numbers": (*edge.deployment.numbers, number)})
    code, told = edge.reload()
    assert (code, edge.control.commands) == (0, ["mtree.reload numbers"])
    assert "taken while running" in told


def test_another_order_of_carriers_waits_for_the_restart(edge: _Edge) -> None:
    """The live lists number carriers as data/policies.cfg does: the one without the other gives a carrier another's trust."""
    edge.deployment = edge.deployment.model_copy(update={"carriers": edge.deployment.carriers[::-1]})
    assert edge.reload("--dry-run")[0] == 1
    for _ in ("changed", "written, not read yet"):
        code, told = edge.reload()
        assert (code, edge.control.commands, edge.restarts) == (1, [], 0)
        assert "held back" in told
        assert "taken while running" not in told
    assert edge.reload("--restart")[0] == 0
    assert (edge.control.commands, edge.restarts) == ([], 1)


def test_whatever_comes_with_it_waits_too(edge: _Edge) -> None:
    edge.deployment = edge.deployment.model_copy(update={"carriers": edge.deployment.carriers[:1]})
    assert edge.reload()[0] == 1
    number = edge.deployment.numbers[0].model_copy(update={"number": "+442079460999"})
    edge.deployment = edge.deployment.model_copy(update={"numbers": (*edge.deployment.numbers, number)})
    code, told = edge.reload()
    assert (code, edge.control.commands) == (1, [])
    assert "data/numbers: changed; waits for the restart" in told


def test_another_restart_that_is_due_holds_nothing_back(edge: _Edge) -> None:
    (edge.router / "media.cfg").write_text("old\n", encoding="utf-8")
    (edge.router / "data/numbers").write_text("old\n", encoding="utf-8")
    code, told = edge.reload()
    assert (code, edge.control.commands) == (1, ["mtree.reload numbers"])
    assert "media.cfg: changed; needs a restart" in told
