"""bench-audit from end to end for a moment: what it says and the JSON beside it. The figures of such a short run mean nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from callseal.lab.rootfs import project_root

pytestmark = pytest.mark.integration


def test_it_measures_and_says_so(tmp_path: Path) -> None:
    out = tmp_path / "audit.json"
    command = [sys.executable, "-m", "bench.audit", "--codec", "PCMU", "--seconds", "10", "--streams", "2"]
    done = subprocess.run(
        [*command, "--rounds", "1", "--out", str(out)],
        cwd=project_root(),
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    last = re.fullmatch(r"bench-audit ratio=(\d+\.\d\d) goal=1000\.0", done.stdout.rstrip().split("\n")[-1])
    assert last is not None, done.stdout
    told = json.loads(out.read_text(encoding="utf-8"))
    (row,) = told["codecs"]
    assert (row["codec"], row["audio_seconds"]) == ("PCMU", 20.0)
    assert told["ratio"] == row["audio_per_cpu_second"]["audit"] == pytest.approx(float(last[1]))
    assert row["cpu_seconds"]["read"] < row["cpu_seconds"]["audit"]
