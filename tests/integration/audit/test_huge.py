"""`callseal audit` on captures of a gigabyte: flat memory whatever is in them. `make soak-audit`; `AUDIT_MIB` makes them smaller.

One row a capture goes into build/soak/audit.md.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import large_capture

pytestmark = [pytest.mark.integration, pytest.mark.soak, pytest.mark.timeout(3600)]

MIB = int(os.environ.get("AUDIT_MIB", "1024"))
SIZE = MIB << 20
SECOND = 216 * 150
"""Octets of a second of a call."""
PAGE = Path("build/soak/audit.md")
MOST_MIB, MOST_MIB_OF_CALLS = 160, 400
"""Peak of the process: of what is no more than a few calls, and of thousands of calls."""

SCRIPT = """
import re, sys
from callseal.audit import libraries
libraries.load()
from callseal.cli.main import app
code = 0
try:
    app(["audit", sys.argv[1], "--json"])
except SystemExit as end:
    code = end.code
except Exception as error:
    print(error, file=sys.stderr)
    code = 1
peak = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024
print(f"PEAK {code} {peak}", file=sys.stderr)
"""


@dataclass(frozen=True)
class Ran:
    status: int
    peak_mib: int
    seconds: float
    cpu_seconds: float
    results: Counter[str]
    said: list[str]
    error: str


def run(path: Path) -> Ran:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path)], capture_output=True, text=True, check=True
    )
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    *error, last = done.stderr.splitlines()
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    status, peak = map(int, last.split()[1:])
    return Ran(
        status,
        peak,
        seconds,
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        Counter(one["result"]["verdict"] for one in verdicts),
        [words for one in verdicts for words in (*one["unseen"], *one["result"]["reasons"], *one["notes"])],
        " ".join(error),
    )


def tell(name: str, path: Path, found: Ran) -> None:
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    says = (
        ", ".join(f"{count} {result}" for result, count in sorted(found.results.items()))
        or "nothing to judge"
    )
    row = (
        f"| {time.strftime('%Y-%m-%d', time.gmtime())} | {name} | {path.stat().st_size >> 20} | {says} | {found.peak_mib} | "
        f"{found.cpu_seconds:.0f} | {found.seconds:.0f} | {os.getloadavg()[0]:.0f} |"
    )
    with PAGE.open("a") as page:
        page.write(row + "\n")


CALLS: dict[str, tuple[Callable[[Path], None], int, int]] = {
    "one long call": (
        lambda path: large_capture.write_calls(path, 1, together=1, seconds=SIZE // SECOND),
        1,
        MOST_MIB,
    ),
    "calls of a minute, 20 at a time": (
        lambda path: large_capture.write_calls(
            path, SIZE // SECOND // 60, together=20, seconds=60, leaking=3
        ),
        SIZE // SECOND // 60,
        MOST_MIB_OF_CALLS,
    ),
    "calls of 8 s, 20 at a time": (
        lambda path: large_capture.write_calls(path, SIZE // SECOND // 8, together=20, seconds=8, leaking=3),
        SIZE // SECOND // 8,
        MOST_MIB_OF_CALLS,
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_calls(name: str, tmp_path: Path) -> None:
    write, calls, most = CALLS[name]
    path = tmp_path / "calls.pcap"
    write(path)
    found = run(path)
    tell(name, path, found)
    leaks = 1 if calls > 3 else 0
    assert found.results == Counter({"clean": calls - leaks, "digits": leaks})
    assert found.status == (3 if leaks else 0)
    assert found.peak_mib <= most
    path.unlink()


def test_a_call_of_which_the_file_ends_in_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    large_capture.write_calls(path, 1, together=1, seconds=SIZE // SECOND)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2 + 77)
    found = run(path)
    tell("one long call, cut off in its middle", path, found)
    assert (found.status, found.results) == (4, Counter({"no_evidence": 1}))
    assert any("cut off within frame" in words for words in found.said)
    assert any("the capture ends while the line is secured" in words for words in found.said)
    assert found.peak_mib <= MOST_MIB
    path.unlink()


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("noise over UDP, a third of it with the look of RTP", large_capture.write_noise),
        ("other people's TCP and DNS, 3,000 connections", large_capture.write_foreign),
    ],
)
def test_nothing_to_judge(name: str, write: Callable[[Path, int], None], tmp_path: Path) -> None:
    path = tmp_path / "other.pcap"
    write(path, SIZE)
    found = run(path)
    tell(name, path, found)
    assert (found.status, found.results) == (1, Counter())
    assert "neither RTP nor a call is in the capture" in found.error
    assert found.peak_mib <= MOST_MIB
    path.unlink()
