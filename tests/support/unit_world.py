"""A world whose edge and desk are systemd's: the units of infra/systemd on a machine with a real one, all others as in the lab."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Self

import httpx2

from callseal.deployment import Deployment, Edge
from callseal.lab import log_door, peer_check, tone_filter
from callseal.lab.choices import Choices
from callseal.lab.daemon import Daemon, DaemonError
from callseal.lab.encrypted_world import edge_answers
from callseal.lab.processes import EDGE, Processes
from callseal.lab.rootfs import project_root
from callseal.lab.router import ng_answers
from callseal.lab.workspace import Workspace
from callseal.lab.world import World
from tests.support.machine import Machine

HANDBOOK = project_root() / "docs/how-to/deploy.md"
LIBRARIES = "/usr/local/lib/callseal"
STORE = "/var/lib/callseal/desk/desk.sqlite3"
UNITS = {"kamailio": "kamailio", "rtpengine-edge": "rtpengine", "edge-agent": "edge", "desk": "desk"}
"""The lab's names, and those of the units."""
_BLOCK = re.compile(r"(?ms)^```sh\n(.*?)^```$")


def told(first: str) -> str:
    """The block of commands in the handbook with a line that begins so, as it stands there but for the name of the edge."""
    (found,) = [
        block
        for block in _BLOCK.findall(HANDBOOK.read_text(encoding="utf-8"))
        if re.search(f"(?m)^{re.escape(first)}", block)
    ]
    return str(found).replace("eu-1", EDGE)


class Unit(Daemon):
    """A service of systemd's, with the hands of a `Daemon`."""

    def __init__(self, machine: Machine, name: str, *, log: Path, ready: Callable[[], bool]) -> None:
        super().__init__(name, [], log=log, ready=ready)
        self.machine = machine
        self.unit = f"callseal-{UNITS[name]}"

    def start(self) -> Self:
        done = self.machine.run("systemctl", "enable", "--quiet", "--now", self.unit, check=False)
        if done.returncode != 0:
            said = self.machine.run(
                "systemctl", "status", "--no-pager", "-l", self.unit, "callseal-render@*", check=False
            )
            raise DaemonError(f"{self.unit}: {done.stderr}{said.stdout}")
        return self

    @property
    def pid(self) -> int:
        """Its main process, as numbered inside the machine."""
        return self.machine.main_pid(self.unit)

    @property
    def alive(self) -> bool:
        return self.machine.run("systemctl", "is-failed", self.unit, check=False).stdout.strip() != "failed"

    @property
    def exit_code(self) -> int | None:
        return int(self.machine.say("systemctl", "show", "-P", "ExecMainStatus", self.unit))

    def log_text(self) -> str:
        return self.machine.journal(self.unit)

    def terminate(self) -> None:
        """The machine ends them."""

    def stop(self) -> None:
        """The machine ends them. Their logs are kept where a world's are."""
        self.log.write_text(self.machine.journal(self.unit, "all"), encoding="utf-8")

    def kill(self) -> None:
        self.machine.run("systemctl", "kill", "--signal=KILL", self.unit)


class UnitProcesses(Processes):
    """The edge's and the desk's processes are units of `machine`, installed as the handbook says when they are made."""

    machine: ClassVar[Machine]

    def __init__(self, workspace: Workspace, choices: Choices, deployment: Deployment) -> None:
        super().__init__(workspace, choices, deployment)
        install(self.machine, workspace)

    def _unit(self, name: str, ready: Callable[[], bool]) -> Unit:
        return Unit(self.machine, name, log=self.workspace.logs / f"{name}.log", ready=ready)

    def _rtpengine(self, edge: Edge) -> Daemon:
        return self._unit("rtpengine-edge", lambda: ng_answers(*edge.ng.pair))

    def kamailio(self, edge: Edge) -> Daemon:
        return self._unit("kamailio", lambda: edge_answers(self.workspace, edge.sip.host))

    def services(self) -> list[Daemon]:
        ours = {
            "edge-agent": f"{self.deployment.edges[0].agent}/healthz",
            "desk": f"{self.deployment.desk.url}/readyz",
        }
        return [
            self._unit(one.name, lambda url=ours[one.name]: _answers(url)) if one.name in ours else one  # type: ignore[misc]
            for one in super().services()
        ]


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=1, trust_env=False).status_code == httpx2.codes.OK
    except httpx2.HTTPError:
        return False


def world_on(machine: Machine) -> type[World]:
    """The class of a world whose edge and desk run there."""

    class OnMachine(UnitProcesses):
        pass

    OnMachine.machine = machine

    class UnitWorld(World):
        processes = OnMachine

    return UnitWorld


def install(machine: Machine, workspace: Workspace) -> None:
    """The commands of docs/how-to/deploy.md. The Python index, the package mirror and the name server are not asked: what they would bring is
    on the machine, or not needed there."""
    top, root = project_root(), machine.root
    for name in ("infra", "router", "src"):
        shutil.copytree(
            top / name, root / "root/callseal" / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(top / name, root / "root/callseal" / name)
    machine.shell("systemctl mask --now kamailio rtpengine-daemon")
    machine.shell(
        "cd callseal && PYTHONPATH=$(echo /opt/build/lib/python3*/site-packages) /opt/build/bin/python -m hatchling build -t wheel -d /root/dist"
    )
    machine.shell("/opt/callseal/bin/pip install --quiet --no-deps --no-index dist/*.whl")
    for library in (log_door.build(), peer_check.build(), tone_filter.build()):
        machine.run("mkdir", "-p", LIBRARIES)
        shutil.copy(library, root / LIBRARIES.lstrip("/") / library.name)
    machine.put("/etc/callseal/callseal.toml", workspace.deployment.read_text(encoding="utf-8"))
    machine.run("mkdir", "-m", "700", "/etc/callseal/secrets")
    for secret in (workspace.root / "secrets").iterdir():
        machine.put(f"/etc/callseal/secrets/{secret.name}", secret.read_text(encoding="ascii"), 0o600)
    for name, mode in (("edge.pem", 0o644), ("edge.key", 0o600), ("ca.pem", 0o644)):
        machine.put(
            f"/etc/callseal/tls/{name}", (workspace.root / "tls" / name).read_text(encoding="ascii"), mode
        )
    machine.shell(told("callseal render /etc/callseal/callseal.toml").splitlines()[0])
    machine.shell(told("# users, and the units"))
    machine.shell(f"echo LISTEN={workspace.site.desk}:8050 >> /etc/default/callseal")
    machine.shell(
        "cp callseal/infra/systemd/callseal-desk.service /etc/systemd/system/ && systemctl daemon-reload"
    )
