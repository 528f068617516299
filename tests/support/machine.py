"""A host with a real systemd: what docs/how-to/deploy.md is tried on, without a virtual machine.

The root filesystem is Debian 13 (infra/images/build-machine) under memory that is thrown away; processes, mounts and control groups are the
machine's own, the network is that of the test.
"""

from __future__ import annotations

import secrets
import subprocess
from pathlib import Path
from typing import Self

from callseal.lab.daemon import Daemon
from callseal.lab.rootfs import RootfsError, project_root

BOOT = Path(__file__).with_name("boot_machine.sh")
_ENVIRONMENT = {"PATH": "/opt/callseal/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
_APART = ("unshare", "--mount", "--propagation", "private")
_TAKE_AWAY = """
mkdir -p "$1" && mount -t cgroup2 cgroup2 "$1" && [ -d "$1/$2" ] || exit 0
for attempt in 1 2 3 4 5 6 7 8 9 10; do        # the last of its processes may still be on their way out
    grep -q 'populated 0' "$1/$2/cgroup.events" && break || sleep 0.2
done
find "$1/$2" -depth -type d -exec rmdir {} +
"""


class CannotBootError(Exception):
    """No systemd here; the text says what is missing."""


class Machine(Daemon):
    """One machine; its memory is gone when it ends. Needs root.

    Raises `RootfsError` where its files cannot be built, and `CannotBootError` from `wait_ready` where the kernel, or a container around
    this, refuses what a first process needs.
    """

    def __init__(self, folder: Path) -> None:
        builder = project_root() / "infra/images/build-machine"
        built = subprocess.run([str(builder)], capture_output=True, text=True, check=False)
        if built.returncode != 0:
            raise RootfsError(built.stderr.strip())
        self._cgroup = f"callseal-machine-{secrets.token_hex(4)}"
        self._folder = folder
        super().__init__(
            "machine",
            [
                *_APART,
                str(BOOT),
                built.stdout.strip(),
                str(folder / "machine"),
                self._cgroup,
            ],
            log=folder / "machine.log",
            ready=self._is_up,
        )

    @property
    def first(self) -> int:
        """The pid of its systemd, as this machine sees it. Raises `CannotBootError` when there is none."""
        try:
            return int(
                Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii").split()[0]
            )
        except (OSError, IndexError):
            raise CannotBootError(f"it has ended\n{self.tail()}") from None

    @property
    def root(self) -> Path:
        """Its files."""
        return Path(f"/proc/{self.first}/root")

    def run(
        self, *command: str, check: bool = True, timeout: float = 60, cwd: str = "/"
    ) -> subprocess.CompletedProcess[str]:
        """A command in it, as its root. Raises `AssertionError` with what it said when it fails and `check`."""
        done = subprocess.run(
            ["nsenter", "--all", f"--target={self.first}", f"--wd={self.root}{cwd}", "--", *command],
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
            env=_ENVIRONMENT,
        )
        assert done.returncode == 0 or not check, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def shell(self, lines: str) -> subprocess.CompletedProcess[str]:
        """Lines of a shell, as an operator types them in /root; the first that fails ends it."""
        return self.run("bash", "-ec", lines, cwd="/root")

    def within(self, unit: str, *command: str) -> subprocess.CompletedProcess[str]:
        """A command as the main process of `unit` would run it: its user and groups, and the files that it sees."""
        pid = self.main_pid(unit)
        said = self.status(pid)
        who = (f"--reuid={said['Uid'].split()[1]}", f"--regid={said['Gid'].split()[1]}")
        groups = f"--groups={','.join(said['Groups'].split())}" if said["Groups"] else "--clear-groups"
        enter = ("nsenter", f"--target={pid}", "--mount", "--ipc", f"--wd=/proc/{pid}/root")
        return self.run(
            *enter,
            "setpriv",
            *who,
            groups,
            "--no-new-privs",
            "--bounding-set=-all",
            "--",
            *command,
            check=False,
        )

    def status(self, pid: int) -> dict[str, str]:
        """proc_pid_status(5) of a process, by its number inside."""
        lines = (self.root / f"proc/{pid}/status").read_text(encoding="ascii").splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def say(self, *command: str) -> str:
        """What a command prints, without the line end."""
        return self.run(*command).stdout.strip()

    def journal(self, unit: str, lines: str = "40") -> str:
        """The last lines of a unit's log; `all` of them."""
        return self.run("journalctl", "--no-pager", "-q", "-o", "cat", "-n", lines, "-u", unit).stdout

    def main_pid(self, unit: str) -> int:
        """The main process of a unit, by its number inside."""
        return int(self.say("systemctl", "show", "-P", "MainPID", unit))

    def put(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file of root's in it; its folder is made when it is missing."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)

    def stop(self) -> None:
        """All of it at once: there is nothing to be kept."""
        self.kill()
        subprocess.run(
            [*_APART, "sh", "-ec", _TAKE_AWAY, "sh", str(self._folder / "cgroup"), self._cgroup],
            check=False,
        )

    def __enter__(self) -> Self:
        try:
            return super().__enter__()
        except BaseException:
            self.stop()
            raise

    def _is_up(self) -> bool:
        if not self.alive:
            raise CannotBootError(self.tail())
        try:
            state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        except CannotBootError:
            return False
        return state in ("running", "degraded")
