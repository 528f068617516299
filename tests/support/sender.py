"""A sender of SIP as a process of its own, so that it and the test do not wait for each other: a job goes in, a result comes out, both JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

from callseal.lab.rootfs import project_root


class Sender:
    """A `python -m` module that is sending."""

    def __init__(self, process: subprocess.Popen[str], told: IO[str]) -> None:
        self._process = process
        self._told = told

    @property
    def sends(self) -> bool:
        return self._process.poll() is None

    def terminate(self) -> None:
        self._process.terminate()

    def result(self) -> Any:
        """Waits for its end."""
        return json.loads(self._told.read())


@contextmanager
def sending(module: str, job: Mapping[str, object]) -> Iterator[Sender]:
    """It is waited for at the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=project_root(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(job))
        process.stdin.close()
        yield Sender(process, process.stdout)
