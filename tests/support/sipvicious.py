"""The scanners that strangers really run (SIPVicious), as processes of their own: what do they find?"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

QUICK: tuple[tuple[str, ...], ...] = (
    *(("svmap", "-p5060-5062,5080", "-m", method) for method in ("OPTIONS", "REGISTER", "INVITE")),
    *(("svwar", "--force", "-e", "100-200,1000,2000", "-m", method) for method in ("REGISTER", "INVITE")),
)
"""Is anybody there, and which extensions. Each gives up after three seconds of silence."""
ALL = (*QUICK, ("svcrack", "-u", "100", "-r", "1-100"))
"""And which password; that takes ten."""
LOCAL_PORT = 5090
NOTHING = "found nothing"


def start(source: str, target: str, number: int, tool: str, *arguments: str) -> subprocess.Popen[str]:
    """One scanner, which speaks from `source` and a port of its own."""
    return subprocess.Popen(
        [
            str(Path(sys.executable).with_name(f"sipvicious_{tool}")),
            *("-b", source, "-x", source, "-P", str(LOCAL_PORT + number), "-t", "0.001"),
            *arguments,
            target,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def scanners(source: str, target: str, tools: Sequence[tuple[str, ...]]) -> Iterator[dict[str, bool]]:
    """Runs these tools at once beside the caller's own doings; afterwards: command -> has it found something?"""
    started = [start(source, target, number, *tool) for number, tool in enumerate(tools)]
    found: dict[str, bool] = {}
    try:
        yield found
        for scanner, tool in zip(started, tools, strict=True):
            found[" ".join(tool)] = finds(scanner)
    finally:
        for scanner in started:
            scanner.kill()
            scanner.communicate()


def finds(scanner: subprocess.Popen[str]) -> bool:
    """Waits for its end Fails when it could not scan at all."""
    table, said = scanner.communicate(timeout=60)
    assert NOTHING in said or "+--" in table or "| " in table, (table, said)
    return NOTHING not in said
