"""What lies in the router's directory, beside what the deployment says should lie there."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from callseal.deployment import Deployment
from callseal.render import RenderedFile, plan
from callseal.render.environment import ENVIRONMENT
from callseal.render.readers import mode_in
from callseal.render.transports import AUTHORITIES, CERTIFICATE, PRIVATE_KEY, REVOKED
from callseal.render.write import HAND_WRITTEN, hand_written_files

_TLS = ("tls.reload",)
RELOADS: dict[str, tuple[str, ...]] = {
    "data/tls.cfg": _TLS,
    f"data/{CERTIFICATE}": _TLS,
    f"data/{PRIVATE_KEY}": _TLS,
    f"data/{AUTHORITIES}": _TLS,
    f"data/{REVOKED}": _TLS,
    "data/dispatcher.list": ("dispatcher.reload",),
    "data/address.list": ("permissions.addressReload",),
    "data/numbers": ("mtree.reload", "numbers"),
}
"""Data that a running Kamailio takes, and the command for it, in the order in which a new peer becomes known: how to speak
to it, where it is, who it is, what is sent there. Everything else is read at start only."""


FIREWALL = "firewall.nft"
"""Not Kamailio's: nftables takes it as a whole at any time, and no connection is lost."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One file that is not as planned. `why`: missing, changed, readable by others, left over from another version."""

    path: str
    why: str
    file: RenderedFile | None

    @property
    def restarts(self) -> bool:
        """Whether Kamailio must be restarted to know it."""
        return self.path not in (*RELOADS, FIREWALL, ENVIRONMENT)

    @property
    def takes(self) -> str:
        """What it takes to be used, for a sentence."""
        if self.path == FIREWALL:
            return f"load it with `nft -f {FIREWALL}` where the firewall is ours"
        if self.path == ENVIRONMENT:
            return "rtpengine takes it at its next start; drain the edge before"
        return "needs a restart" if self.restarts else "taken while running"


def planned(deployment: Deployment, edge_id: str, seen_at: str) -> tuple[RenderedFile, ...]:
    """Hand-written configuration and data of this version and deployment. Raises `SecretError`."""
    return (*hand_written_files(), *plan(deployment, edge_id, seen_at=seen_at))


def differences(files: Iterable[RenderedFile], directory: Path) -> Iterator[Difference]:
    """What a rendering would change in `directory`. Raises `OSError` when a file cannot be read."""
    files = tuple(files)
    for file in files:
        path = directory / file.path
        try:
            text, mode = path.read_text(encoding="utf-8"), stat.S_IMODE(path.stat().st_mode)
        except FileNotFoundError:
            yield Difference(file.path, "missing", file)
            continue
        if text != file.text:
            yield Difference(file.path, "changed", file)
        elif mode & ~mode_in(directory, file) & 0o077:
            yield Difference(file.path, "readable by others", file)
    known = {file.path for file in files}
    for path in _hand_written_in(directory):
        if path.name not in known:
            yield Difference(path.name, "left over from another version", None)


def newer_than_start(router: Path, uptime_s: int, now_ms: int) -> list[str]:
    """Files that Kamailio reads at start only and that were written after it. Its clock has whole seconds: what was written
    within the second of its start counts as read."""
    read_by = now_ms // 1000 - uptime_s + 1
    files = [*_hand_written_in(router), *router.glob("data/*")]
    names = {str(path.relative_to(router)): path.stat().st_mtime for path in files}
    return sorted(name for name, written in names.items() if name not in RELOADS and written >= read_by)


def _hand_written_in(directory: Path) -> list[Path]:
    return sorted(path for pattern in HAND_WRITTEN for path in directory.glob(pattern))
