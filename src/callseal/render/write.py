"""Writes the rendered directory: the hand-written configuration beside its data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, TypeAlias

from callseal.deployment import Deployment
from callseal.render.desk_firewall import desk_firewall
from callseal.render.environment import ENVIRONMENT
from callseal.render.file import RenderedFile
from callseal.render.plan import SEEN_AT, head, plan
from callseal.render.readers import FOLDER_FOR_A_GROUP, mode_in, reading_group
from callseal.render.zone import zone

HAND_WRITTEN = ("*.cfg", "*.re")
Part: TypeAlias = Literal["router", "media"]
"""`media` is what rtpengine's unit reads, `router` all else."""


def hand_written() -> Path:
    """The directory of `router/*.cfg` and `*.re`: beside this module in an installed wheel, at the top of a checkout."""
    here = Path(__file__).resolve()
    installed = here.parent / "router"
    return installed if installed.is_dir() else here.parents[3] / "router"


def hand_written_files() -> tuple[RenderedFile, ...]:
    """What is copied as it is: the configuration and the expressions that it reads. Raises `OSError`."""
    return tuple(
        RenderedFile(path.name, path.read_text(encoding="utf-8"))
        for pattern in HAND_WRITTEN
        for path in sorted(hand_written().glob(pattern))
    )


def render(
    deployment: Deployment, edge_id: str, out_dir: Path, *, seen_at: str = SEEN_AT, part: Part | None = None
) -> list[Path]:
    """Write everything `kamailio -f <out_dir>/kamailio.cfg` needs for edge `edge_id`; returns the files, in order. `part`: that alone.

    `seen_at` is the path under which Kamailio finds `out_dir` (in a container or root filesystem not the same).
    Files with keys are 0600 from the first byte. A file appears whole or not at all (written aside, then renamed).
    Raises `KeyError` for an unknown edge, `SecretError` for a key that cannot be read, `OSError` from the disk.
    """
    files = (*hand_written_files(), *plan(deployment, edge_id, seen_at=seen_at))
    wanted = [one for one in files if part is None or (one.path == ENVIRONMENT) is (part == "media")]
    return [write_file(out_dir, file) for file in wanted]


def write_zone(deployment: Deployment, out_dir: Path, *, serial: int) -> list[Path]:
    """The zone file, `zone/<name>.zone` in `out_dir`; nothing when the deployment names no zone."""
    text = zone(deployment, serial=serial)
    return [write_file(out_dir, RenderedFile(f"zone/{deployment.dns.zone}.zone", text))] if text else []


def write_desk_firewall(deployment: Deployment, out_dir: Path) -> Path:
    """`firewall.nft` of the desk's host. Raises `OSError`."""
    text = head("Firewall of the desk", deployment) + desk_firewall(deployment)
    return write_file(out_dir, RenderedFile("firewall.nft", text))


def write_file(out_dir: Path, file: RenderedFile) -> Path:
    """One file below `out_dir`, with its mode from the first byte; it appears whole or not at all. Raises `OSError`.

    Where `out_dir` was made for a group (`readers`), the file and the folder it is in are that group's to read, and nobody else's.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    group, mode = reading_group(out_dir), mode_in(out_dir, file)
    path = out_dir / file.path
    if path.parent != out_dir:
        path.parent.mkdir(parents=True, exist_ok=True)
        if group is not None:
            os.chown(path.parent, -1, group)
            path.parent.chmod(FOLDER_FOR_A_GROUP)
    aside = path.with_name(path.name + ".new")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, file.mode & mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as sink:
        if group is not None:
            os.fchown(descriptor, -1, group)
        os.fchmod(descriptor, mode)
        sink.write(file.text)
    aside.replace(path)
    return path
