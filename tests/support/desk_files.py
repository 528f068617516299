"""What the desk's store has on the disk, looked at from outside."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

FORGOTTEN_S = 2.0


async def forgotten(folder: Path, token: str) -> None:
    """Returns when the token is in no file of the store's folder any more. It may be there for 0.2 s after the call's end, and as
    long as this machine is slow."""
    deadline = time.monotonic() + FORGOTTEN_S
    while token.encode() in _content(folder):
        assert time.monotonic() < deadline, "the token is still on the disk"
        await asyncio.sleep(0.02)


def _content(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())
