"""The router's root filesystem, and how a daemon is run inside it.

The lab runs the very root filesystem that ships: `infra/images/build-rootfs` builds it, `chroot` in a private mount
namespace enters it. The mounts vanish with the process, so nothing is left behind even after a kill -9, and the pid
that the caller holds is the daemon's own.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from callseal.observe.errors import Error

ROWS = ("forky", "trixie")
"""The tested rows. `CALLSEAL_BASELINE=trixie` turns them round: what runs on the first by itself runs on the second then."""
BASELINE, COMPATIBILITY = ROWS if os.environ.get("CALLSEAL_BASELINE", ROWS[0]) == ROWS[0] else ROWS[::-1]

# /dev for the null device and shared memory, /proc for the daemons' own look at themselves.
_ENTER = (
    'root=$1; shift; mount --bind /proc "$root/proc"; mount --bind /dev "$root/dev"; '
    'while [ "$1" != -- ]; do [ -e "$root$2" ] || mkdir -p "$root$2"; mount --bind "$1" "$root$2"; shift 2; done; shift; '
    'exec chroot "$root" "$@"'
)


class RootfsError(Error):
    """The root filesystem is not built; the message says how to build it."""


def project_root() -> Path:
    """The checkout this package runs from (the lab works from a checkout, not from an installed wheel)."""
    return Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Rootfs:
    """One built root filesystem; `suite` is Debian's name of the release inside."""

    suite: str
    path: Path

    @classmethod
    def build(cls, suite: str = BASELINE) -> Rootfs:
        """Build it, or find it in the cache. Raises `RootfsError` with the builder's own words."""
        script = project_root() / "infra" / "images" / "build-rootfs"
        done = subprocess.run([str(script), suite], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RootfsError(done.stderr.strip() or f"{script} failed with {done.returncode}")
        return cls(suite=suite, path=Path(done.stdout.strip()))

    def argv(self, command: Sequence[str], binds: Mapping[Path, str] | None = None) -> list[str]:
        """The host's argv that runs `command` inside; `binds` maps host directories to paths inside, files to files there."""
        mounts = [part for host, inside in (binds or {}).items() for part in (os.fspath(host), inside)]
        return [
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-ec",
            _ENTER,
            "sh",
            str(self.path),
            *mounts,
            "--",
            *command,
        ]

    def run(
        self, command: Sequence[str], binds: Mapping[Path, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end and capture what it says (version checks, `kamailio -c`)."""
        return subprocess.run(self.argv(command, binds), capture_output=True, text=True, check=False)
