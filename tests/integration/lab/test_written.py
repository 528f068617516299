"""The machine that keeps what is written: a card number is found wherever a process leaves it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from callseal.audit.canary_scan import TEST_CARDS, scan
from tests.support.written import CORE_PATTERN, Written, processes_of

pytestmark = pytest.mark.integration
PAN = TEST_CARDS[3]


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Written]:
    with Written(tmp_path, tmp_path / "world") as machine:
        yield machine


def run(written: Written, script: str) -> None:
    subprocess.run(written.argv(["sh", "-ec", script, "sh", PAN]), check=True, timeout=20)


def found(*folders: Path) -> set[str]:
    return {one.file.name for folder in folders if folder.exists() for one in scan(folder).findings}


@pytest.mark.parametrize(
    "path",
    [
        "/tmp/plant",
        "/var/tmp/plant",
        "/var/log/plant",
        "/run/plant",
        "/root/plant",
        "/dev/shm/plant",
        "/etc/plant",
    ],
)
def test_a_file_anywhere(written: Written, path: str) -> None:
    run(written, f'mkdir -p "$(dirname {path})"; echo "$1" > {path}')
    assert found(*written.layers) == {"plant"}
    assert not Path(path).exists(), "this machine has nothing of it"


def test_a_file_that_was_there_before(written: Written) -> None:
    run(written, 'echo "$1" >> /etc/hosts')
    assert found(*written.layers) == {"hosts"}
    assert PAN not in Path("/etc/hosts").read_text(encoding="utf-8")


def test_the_workspace_and_the_working_directory(written: Written, tmp_path: Path) -> None:
    run(written, 'echo "$1" > here')
    assert found(tmp_path / "world") == {"here"}


def test_syslog(written: Written) -> None:
    run(written, 'logger "card $1"')
    deadline = time.monotonic() + 5
    while not found(*written.layers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found(*written.layers) == {"syslog.txt"}


def test_a_core_file(written: Written, tmp_path: Path) -> None:
    if CORE_PATTERN.read_text(encoding="utf-8").startswith("|"):
        pytest.skip("this kernel hands core files to a program: kernel.core_pattern=core is missing")
    subprocess.run(written.argv(["sh", "-c", "kill -SEGV $$", "sh", PAN]), check=False, timeout=20)
    assert len(found(tmp_path / "world")) == 1


def test_a_deleted_file_that_is_still_open(written: Written) -> None:
    script = 'exec 9>/tmp/gone; rm /tmp/gone; echo "$1" >&9; echo ready; exec sleep 60'
    with subprocess.Popen(
        written.argv(["sh", "-ec", script, "sh", PAN]), stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert found(*written.layers) == set()
        written.keep_open_files(processes_of([process.pid]))
        process.kill()
    assert found(*written.layers) == {f"{process.pid}-9"}
