"""`callseal demo --hosts`, run as a stranger would, and what is left when it ends in each of three ways."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

# Ctrl-C must reach it also where whoever started the tests ignores it, as a shell does for what it puts into the background.
LISTENING = ("env", "--default-signal=INT")
DEMO = [*LISTENING, sys.executable, "-m", "callseal.cli.main", "demo", "--hosts"]
GONE_S = 10


def _environment(temporary: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(temporary), "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}


def _devices() -> str:
    return subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout


def _network(pid: int | str) -> int | None:
    try:
        return Path(f"/proc/{pid}/ns/net").stat().st_ino
    except OSError:  # it has ended
        return None


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _said(pid: int) -> str:
    """What runs there, and in which state."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return f"{pid} {state} " + Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return f"{pid} has ended now"


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _family(root: int) -> set[int]:
    """A process and all that descend from it."""
    family, parents = {root}, {pid: _parent(pid) for pid in _pids()}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return family


def test_it_plays_four_calls_and_ends_with_a_verdict(tmp_path: Path) -> None:
    devices = _devices()
    done = subprocess.run(
        DEMO, env=_environment(tmp_path), capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert "agent heard 0 of 23 digits" in done.stdout
    assert done.stdout.count("re-INVITE") == 8, "two legs out and home, each seen on both sides of the edge"
    for host in ("edge-1  SIP", "edge-2  SIP", "desk    HTTP"):
        line = next(line for line in done.stdout.splitlines() if host in line)
        assert line.endswith("0 refused, 0 kept from leaving")
    assert "the second partner has it" in done.stdout
    audited = re.search(
        r"AUDIT    4 calls, .* 0 of (\d+) digits reached the agent; self-test passed", done.stdout
    )
    pressed = re.search(r"0 of (\d+) in all four calls", done.stdout)
    assert audited
    assert pressed
    assert audited[1] == pressed[1], "the audit sees every key that was pressed"
    assert list(tmp_path.iterdir()) == [], "the demo left files behind"
    assert _devices() == devices


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_demo_that_is_stopped_in_the_middle_leaves_no_host_behind(
    tmp_path: Path, number: signal.Signals
) -> None:
    devices = _devices()
    demo = subprocess.Popen(
        DEMO, env=_environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert demo.stdout is not None
    for line in demo.stdout:
        if "INVITE" in line:
            break
    networks = {_network(pid) for pid in _family(demo.pid)} - {_network("self"), None}
    assert len(networks) == 9, "the hosts on which something runs"
    demo.send_signal(number)
    rest = demo.communicate(timeout=30)[0]
    assert demo.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
    assert "Traceback" not in rest
    deadline = time.monotonic() + GONE_S
    while left := [pid for pid in _pids() if _network(pid) in networks]:
        assert time.monotonic() < deadline, [_said(pid) for pid in left]
        time.sleep(0.05)
    assert _devices() == devices
