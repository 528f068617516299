"""The operator's hands: the command line as a process of its own, and the checks in this one."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from callseal.deployment import read
from callseal.lab.processes import EDGE
from callseal.operate.doctor import Check
from callseal.operate.finding import Finding
from callseal.operate.patient import Patient, ask_ng, get
from callseal.services.clock import now_ms
from tests.support.stage import Stage


def command(stage: Stage, verb: str, *arguments: str) -> list[str]:
    """argv of `callseal VERB FILE --edge ... --router ...`."""
    workspace = stage.world.workspace
    return [
        sys.executable,
        "-m",
        "callseal.cli.main",
        verb,
        str(workspace.deployment),
        "--edge",
        EDGE,
        "--router",
        str(workspace.router),
        *arguments,
    ]


def run(stage: Stage, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(stage, verb, *arguments), capture_output=True, text=True, timeout=60, check=False
    )


def doctor(stage: Stage) -> tuple[int, list[dict[str, Any]]]:
    """Exit code and findings."""
    done = run(stage, "doctor", "--json")
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def patient(stage: Stage, **changes: Any) -> Patient:
    deployment = read(stage.world.workspace.deployment)
    whole = Patient(
        deployment=deployment,
        edge=deployment.edge(EDGE),
        router=stage.world.workspace.router,
        now_ms=now_ms,
        get=get,
        ng=ask_ng,
        state=(stage.world.workspace.root / "state",),
    )
    return dataclasses.replace(whole, **changes)


def levels(check: Check, who: Patient) -> dict[str, set[str]]:
    """Check id -> the levels it found."""
    found: dict[str, set[str]] = {}
    for finding in check(who):
        found.setdefault(finding.check, set()).add(str(finding.level))
    return found


def only(check: Check, who: Patient, good: Callable[[Finding], bool] = lambda _: True) -> Finding:
    """The one finding that is not ok."""
    found = [finding for finding in check(who) if finding.level != "ok" and good(finding)]
    assert len(found) == 1, found
    return found[0]


def probed(finding: Finding) -> bool:
    """For `only`, when Kamailio was started anew a moment ago: its destinations are probed 10 s later."""
    return finding.check != "destinations"


def change(stage: Stage, old: str, new: str) -> None:
    """Replace text in the deployment file."""
    file = stage.world.workspace.deployment
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def restart_reload(stage: Stage) -> str:
    """`callseal reload --restart`, with this test as the supervisor that starts Kamailio again."""
    kamailio = stage.world.daemons["kamailio"]
    reloading = subprocess.Popen(
        command(stage, "reload", "--restart"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    deadline = time.monotonic() + 30
    while kamailio.alive and time.monotonic() < deadline and reloading.poll() is None:
        time.sleep(0.02)
    assert not kamailio.alive, reloading.communicate()[0]
    kamailio.stop()
    kamailio.restart()
    output, _ = reloading.communicate(timeout=40)
    assert reloading.returncode == 0, output
    return output


def healthy(stage: Stage, timeout_s: float = 15) -> None:
    """Waits until the doctor has nothing to say: other tests break parts of this world, and parts find each other in seconds."""
    deadline = time.monotonic() + timeout_s
    code, found = doctor(stage)
    while code != 0 and time.monotonic() < deadline:
        code, found = doctor(stage)
    assert code == 0, [one for one in found if one["level"] != "ok"]
