"""`python -m callseal.services.phone --config FILE`: one PJSIP phone.

Commands come as JSON lines on standard input, events leave as JSON lines on standard output; the end of the input ends the phone.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import select
import signal
import sys
import time
import tomllib
from pathlib import Path
from types import FrameType

from callseal.phones.checked import FaultError
from callseal.phones.commands import Quit, number_of, parse_command
from callseal.phones.settings import PhoneSettings

_MAX_LINE = 65_536
_STDIN = 0


class _Output:
    """The real standard output, kept for events alone: PJSIP prints to descriptor 1 before it can be told not to."""

    def __init__(self) -> None:
        self._descriptor = os.dup(1)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)
        self.broken = False

    def emit(self, event: str, details: dict[str, object]) -> None:
        line = json.dumps({"event": event, "at": time.time_ns() // 1_000_000, **details}) + "\n"
        rest = memoryview(line.encode())
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except BrokenPipeError:
            self.broken = True


class _Input:
    """Lines of standard input without ever waiting for one."""

    def __init__(self) -> None:
        self._pending = b""
        self.ended = False

    def lines(self) -> list[bytes]:
        while not self.ended and select.select([_STDIN], [], [], 0)[0]:
            chunk = os.read(_STDIN, _MAX_LINE)
            self.ended = not chunk or len(self._pending) > _MAX_LINE
            self._pending += chunk
        *complete, self._pending = self._pending.split(b"\n")
        return [line for line in complete if line.strip()]


def main(argv: list[str] | None = None) -> int:
    """Run until `quit`, end of input or SIGTERM. Exit codes: 0 done, 1 cannot start, 2 bad configuration."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: os._exit(0))  # nothing is open yet

    parser = argparse.ArgumentParser(prog="callseal.services.phone", description="one PJSIP phone")
    parser.add_argument("--config", type=Path, required=True)
    arguments = parser.parse_args(argv)
    try:
        settings = PhoneSettings.read(arguments.config)
    except (OSError, tomllib.TOMLDecodeError, FaultError) as error:
        sys.stderr.write(json.dumps({"event": "bad configuration", "reason": str(error)}) + "\n")
        return 2

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # this memory holds digits
    output = _Output()
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)

    # Late, because importing PJSIP loads its libraries: a wrong configuration is answered without them.
    from callseal.phones.line import Line, StartError  # noqa: PLC0415

    try:
        line = Line(settings, output.emit)
    except StartError as error:
        sys.stderr.write(json.dumps({"event": "cannot start", "reason": str(error)}) + "\n")
        return 1
    output.emit("ready", {"name": settings.name, "address": settings.address})
    sys.stderr.write("ready\n")
    sys.stderr.flush()

    source = _Input()
    while not (stopping or output.broken or source.ended):
        for text in source.lines():
            try:
                command = parse_command(text)
            except FaultError as error:
                output.emit("error", {"command": "?", "id": number_of(text), "reason": str(error)})
                continue
            if isinstance(command, Quit):
                stopping = True
                break
            line.handle(command)
        line.poll()
    line.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
