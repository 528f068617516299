"""Real processes that are told to end before they serve: at once, with 0, and what they had opened is closed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

AT_ONCE_S = 3
"""Of a machine that may be busy; the process itself needs milliseconds."""

SERVICE = """
import asyncio, sys, time
from contextlib import asynccontextmanager
from starlette.applications import Starlette
from callseal.services import runner, stopping

def say(word):
    print(word, flush=True)

@asynccontextmanager
async def lifespan(app):
    say("app begun")
    if sys.argv[1] == "app":
        await asyncio.sleep(0.5)
    yield
    say("app ended")

async def service():
    try:
        if sys.argv[1] == "waits":
            say("here")
            await asyncio.sleep(60)
        if sys.argv[1] == "busy":
            say("here")
            time.sleep(0.5)
        if sys.argv[1] == "fails":
            say("here")
            time.sleep(0.5)
            raise OSError("no store")
        return await runner.serve(Starlette(lifespan=lifespan), ("127.0.0.1", 0), log)
    finally:
        if sys.argv[1] != "fails":
            await asyncio.sleep(0)  # as closing does
        say("closed")

stopping.at_once()
log = runner.logger("some")
sys.exit(runner.run(service(), log))
"""


@contextmanager
def started(*command: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def told_to_end(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str, str]:
    """Status, output and log of the process, which has to end at once."""
    process.send_signal(number)
    out, err = process.communicate(timeout=AT_ONCE_S)
    return process.returncode, out, err


@pytest.mark.parametrize(
    ("service", "number"),
    [
        ("desk", signal.SIGTERM),
        ("edge", signal.SIGTERM),
        ("phone", signal.SIGTERM),
        ("psp", signal.SIGTERM),
        ("psp", signal.SIGINT),
    ],
)
def test_while_it_reads_its_configuration(tmp_path: Path, service: str, number: signal.Signals) -> None:
    config = tmp_path / "some.toml"
    os.mkfifo(config)
    with started("-m", f"callseal.services.{service}", "--config", str(config)) as process:
        writer = os.open(config, os.O_WRONLY)  # returns when the service has opened it
        try:
            assert told_to_end(process, number)[0] == 0
        finally:
            os.close(writer)


@pytest.mark.parametrize("where", ["waits", "busy", "fails"])
def test_before_uvicorn_heeds_signals(where: str) -> None:
    with started("-c", SERVICE, where) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        status, out, log = told_to_end(process, signal.SIGTERM)
    assert (status, out) == (0, "closed\n"), "what was opened is closed, and the application has not begun"
    assert [line for line in log.splitlines() if '"told_to_end"' not in line] == []


@pytest.mark.parametrize("where", ["app", "serves"])
def test_once_uvicorn_has_begun_it_ends_as_ever(where: str) -> None:
    with started("-c", SERVICE, where) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "app begun\n"
        if where == "serves":
            assert '"ready"' in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        time.sleep(0.01)
        status, out, log = told_to_end(process, signal.SIGTERM)  # a second one changes nothing
    assert (status, out) == (0, "app ended\nclosed\n")
    assert "Traceback" not in log
