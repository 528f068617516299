"""The log door: the small library that says what an edge's Kamailio may log (infra/log-door), instead of the module `debugger`."""

from __future__ import annotations

import shutil
from pathlib import Path

from callseal.lab import preload


def build() -> Path:
    """The library, built or found in the cache. Raises `PreloadError`."""
    return preload.build("log-door")


def log_door() -> Path | None:
    """What an edge's Kamailio is started with. None where there is no compiler (a demo): the router then loads `debugger`."""
    return build() if shutil.which("cc") else None
