"""One rendered file."""

from __future__ import annotations

from dataclasses import dataclass, field

SECRET_MODE = 0o600
PLAIN_MODE = 0o644


@dataclass(frozen=True, slots=True)
class RenderedFile:
    """One file: `path` relative to the rendered directory, its `text` (kept out of reprs: some files hold keys), its `mode`."""

    path: str
    text: str = field(repr=False)
    mode: int = PLAIN_MODE
