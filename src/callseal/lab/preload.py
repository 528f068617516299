"""The small libraries of ours that daemons are started with (LD_PRELOAD): each is a folder of `infra` with a script `build`."""

from __future__ import annotations

import subprocess
from pathlib import Path

from callseal.lab.rootfs import project_root
from callseal.observe.errors import Error


class PreloadError(Error):
    """It could not be built; the message is the builder's."""


def build(folder: str) -> Path:
    """The library of `infra/folder`, built or found in the cache. Raises `PreloadError`."""
    script = project_root() / "infra" / folder / "build"
    done = subprocess.run([str(script)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PreloadError(done.stderr.strip() or f"{script} failed with {done.returncode}")
    return Path(done.stdout.strip())
