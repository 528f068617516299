"""One process under the lab's eye: started by its command line, polled until ready, ended for certain.

Every daemon is a context manager. Its output goes to one log file (mode 0600) that stays for the reader when a start
fails. It leads a process group of its own, so that `kill()` ends its children too, and it gets `death_signal` when the
lab itself dies.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from callseal.lab.place import HERE, Place
from callseal.observe.errors import Error

POLL_S = 0.02
STOP_S = 5.0
READY_S = 45.0
"""A dozen processes that start at once on a busy machine take long; one that never gets ready is told in time all the same."""


class DaemonError(Error):
    """A daemon did not become ready, or ended by itself; the message carries the end of its log."""


class Daemon:
    """`argv` as a managed process.

    `ready` is asked again and again until it says True (default: the log holds a line with the word `ready`).
    `place` is where it runs.
    `start()` returns at once, so that many daemons can come up side by side; `wait_ready()` waits.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        log: Path,
        ready: Callable[[], bool] | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: int | None = subprocess.DEVNULL,
        stdout: int | None = None,
        place: Place = HERE,
        death_signal: str = "KILL",
    ) -> None:
        self.name = name
        self.argv = list(argv)
        self.log = log
        self._ready = ready or self._said_ready
        self._cwd = cwd
        self._env = dict(env) if env is not None else None
        self._stdin = stdin
        self._stdout = stdout
        self._place = place
        self._death_signal = death_signal
        self._log_start = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id; raises `DaemonError` when it was never started."""
        if self.process is None:
            raise DaemonError(f"{self.name} was never started")
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> Self:
        """Start without waiting. The death signal needs the starting thread to live: start from the main thread."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._log_start = os.fstat(descriptor).st_size
        with os.fdopen(descriptor, "ab") as sink:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", self._death_signal, "--", *self._place.argv(self.argv)],
                stdin=self._stdin,
                stdout=self._stdout if self._stdout is not None else sink,
                stderr=sink,
                cwd=self._cwd,
                env=self._env,
                start_new_session=True,
            )
        return self

    def wait_ready(self, timeout_s: float = READY_S) -> Self:
        """Poll until ready; raises `DaemonError` with the end of the log when it ends first or time is up."""
        deadline = time.monotonic() + timeout_s
        while not self._ready():
            if not self.alive:
                raise DaemonError(
                    f"{self.name} ended with {self.exit_code} before it was ready\n{self.tail()}"
                )
            if time.monotonic() > deadline:
                self.kill()
                raise DaemonError(f"{self.name} was not ready after {timeout_s:.0f} s\n{self.tail()}")
            time.sleep(POLL_S)
        return self

    @property
    def exit_code(self) -> int | None:
        return None if self.process is None else self.process.poll()

    def terminate(self) -> None:
        """SIGTERM without waiting; `stop()` then collects it."""
        if self.alive and self.process is not None:
            self.process.terminate()

    def stop(self) -> None:
        """SIGTERM, then SIGKILL for the whole group; returns when all of it is gone. Safe to call twice."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_S)
        self.kill()

    def kill(self) -> None:
        """SIGKILL for the whole group at once, as a crash would."""
        if self.process is None:
            return
        self._kill_group()
        self.process.wait(STOP_S)
        self._close()

    def restart(self, timeout_s: float = READY_S) -> Self:
        """Start again after `kill()` or `stop()`, with the same command line and log."""
        return self.start().wait_ready(timeout_s)

    def tail(self, lines: int = 15) -> str:
        """The last lines of this run's log."""
        return "\n".join(self.log_text().splitlines()[-lines:])

    def log_text(self) -> str:
        """What this run (since the last `start`) has written to the log."""
        with self.log.open("rb") as source:
            source.seek(self._log_start)
            return source.read().decode("utf-8", "replace")

    def _said_ready(self) -> bool:
        return any('"ready"' in line or line.strip() == "ready" for line in self.log_text().splitlines())

    def _kill_group(self) -> None:
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def _close(self) -> None:
        if self.process is None:
            return
        streams: list[IO[bytes] | None] = [self.process.stdin, self.process.stdout]
        for stream in streams:
            if stream is not None:
                stream.close()

    def __enter__(self) -> Self:
        return self.start().wait_ready()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
