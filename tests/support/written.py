"""A machine of its own for a world's processes, as far as files go: whatever they write anywhere can be looked at.

The root directory is an overlay (Linux `overlayfs`) over this machine's: programs are read from below, and every file that is made
or changed lies in the layer above, wherever its path is: `/tmp`, `/var/log`, a root filesystem's own `/run`. `/dev` has nothing but
the usual nodes, an empty `/dev/shm`, and a `/dev/log` that keeps what would go to syslog or the journal. The workspace alone is
the real one. Core files are allowed: a process that may not leave one must see to it itself.
"""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from callseal.lab.block import Block
from callseal.lab.place import HERE, Place

CORE_PATTERN = Path("/proc/sys/kernel/core_pattern")

# The mounts live as long as a process that sees them: nothing is left behind, even after a kill -9.
_MAKE = r"""
top=$1; workspace=$2; root=$top/root
mount -t tmpfs written "$top"
mkdir "$top/upper" "$top/work" "$top/more" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$top/upper,workdir=$top/work" "$root"
while read -r _ point kind _; do
  case $kind in
    ext4|xfs|btrfs|tmpfs|overlay) ;;
    *) continue ;;
  esac
  case $point in
    /|/dev|/dev/*|/proc/*|/sys/*|"$top"*) continue ;;
  esac
  layer=$(mktemp -d "$top/more/XXXXXX")
  mkdir "$layer/upper" "$layer/work"
  mount -t overlay overlay -o "lowerdir=$point,upperdir=$layer/upper,workdir=$layer/work" "$root$point"
done </proc/self/mounts
mount --bind /proc "$root/proc"
mount -t tmpfs dev "$root/dev"
mkdir -m 1777 "$root/dev/shm"
for node in "null 3" "zero 5" "full 7" "random 8" "urandom 9"; do
  mknod -m 666 "$root/dev/${node% *}" c 1 "${node#* }"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir -p "$root$workspace" "$root$top"
mount --bind "$workspace" "$root$workspace"
mount --bind "$top" "$root$top"
exec chroot "$root" sh -c 'echo ready; exec sleep infinity'
"""


class Written(Place):
    """Where what is written stays to be read. `folder` is taken for it, `workspace` is shared with this machine."""

    def __init__(self, folder: Path, workspace: Path) -> None:
        self._top, self._workspace = folder / "machine", workspace
        self._top.mkdir(parents=True)
        workspace.mkdir(parents=True, exist_ok=True)
        self._holder = subprocess.Popen(
            [
                "unshare",
                "--mount",
                "--propagation",
                "private",
                "sh",
                "-ec",
                _MAKE,
                "sh",
                str(self._top),
                str(workspace),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"ready\n":
            raise RuntimeError("no overlay: the kernel needs CONFIG_OVERLAY_FS, and the test needs root")
        self._syslog = _Syslog(self.root / "dev" / "log", folder / "syslog.txt")
        self._open_files = folder / "open-files"

    @property
    def root(self) -> Path:
        """Its root directory, seen from here."""
        return Path(f"/proc/{self._holder.pid}/root")

    @property
    def layers(self) -> tuple[Path, ...]:
        """Where everything lies that was written outside of the workspace."""
        top = self.root / self._top.relative_to("/")
        return (
            top / "upper",
            *(one / "upper" for one in (top / "more").iterdir()),
            self.root / "dev",
            self._syslog.kept,
            self._open_files,
        )

    def argv(self, command: Sequence[str]) -> list[str]:
        pid = self._holder.pid
        enter = ["nsenter", f"--mount=/proc/{pid}/ns/mnt", f"--root=/proc/{pid}/root", "--"]
        return [*enter, "env", "-C", str(self._workspace), "prlimit", "--core=unlimited:unlimited", *command]

    def keep_open_files(self, pids: Sequence[int]) -> None:
        """Copies of the files without a name that these processes have open: deleted ones, and files in memory."""
        self._open_files.mkdir(exist_ok=True)
        for pid in pids:
            for file in _without_name(pid):
                (self._open_files / f"{pid}-{file.name}").write_bytes(file.read_bytes())

    def close(self) -> None:
        """Everything written is gone afterwards."""
        self._syslog.close()
        self._holder.kill()
        self._holder.wait()
        assert self._holder.stdout is not None
        self._holder.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class WatchedBlock(Block):
    """A block of loopback whose processes live in a `Written`."""

    written: Place = HERE

    def place(self, address: str) -> Place:
        return self.written


class _Syslog:
    """Keeps what is sent to a /dev/log."""

    def __init__(self, path: Path, kept: Path) -> None:
        self.kept = kept
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(0.2)
        path.chmod(0o666)
        self._open = True
        kept.touch()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while self._open:
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                continue
            with self.kept.open("ab") as sink:
                sink.write(data + b"\n")

    def close(self) -> None:
        self._open = False
        self._thread.join(2)
        self._socket.close()


def _without_name(pid: int) -> Iterator[Path]:
    try:
        descriptors = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return
    for one in descriptors:
        try:
            if one.is_file() and str(one.readlink()).endswith(" (deleted)"):
                yield one
        except OSError:
            continue


def processes_of(leaders: Sequence[int]) -> list[int]:
    """These processes and their children, by their session."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                session = int((entry / "stat").read_text().rpartition(")")[2].split()[3])
            except OSError:
                continue
            if session in leaders:
                found.append(int(entry.name))
    return found
