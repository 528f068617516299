"""What the services that speak HTTP have in common: a quiet uvicorn that says `ready`, how a process begins, and how it ends.

Exit codes of every one: 0 after SIGTERM or SIGINT, 1 when it could not start, 2 for a wrong configuration. While Python still loads
the service nobody is there to say 0: the signal itself ends it, which systemd takes for a clean end, too.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import resource
import socket
import sys
import tomllib
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar

import structlog
import uvicorn
from pydantic import StringConstraints, ValidationError
from starlette.types import ASGIApp

from callseal.observe.logging import configure
from callseal.services import stopping
from callseal.services.startup import Startup, bind

LOG_LEVEL = "CALLSEAL_LOG_LEVEL"
"""Environment variable: a level of the `logging` module, INFO by default. No level writes a digit (docs/explanation/log-leak.md)."""

Listen = Annotated[str, StringConstraints(pattern=r"^\d{1,3}(\.\d{1,3}){3}:\d{1,5}$")]
"""`ADDRESS:PORT` of IPv4, as the sandbox's files write it."""

Settings = TypeVar("Settings")


class Log(Protocol):
    """The part of a structlog logger that is used here."""

    def info(self, event: str) -> Any: ...
    def critical(self, event: str, **fields: object) -> Any: ...


class _Server(uvicorn.Server):
    """Says `ready` when it serves; ends endless answers before uvicorn waits for connections to close."""

    def __init__(
        self,
        config: uvicorn.Config,
        log: Log,
        begin: Callable[[], Awaitable[None]] | None,
        end: Callable[[], Awaitable[None] | None] | None,
    ) -> None:
        super().__init__(config)
        self._log = log
        self._begin = begin
        self._end = end

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """From here on a signal makes uvicorn end, until the process does. uvicorn's own would raise the signal again when it has
        ended, in the midst of what the service still has to close."""
        stopping.hand_over(self._end_serving)
        yield

    def _end_serving(self) -> None:
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if self._begin is not None:
            await self._begin()
        try:
            await super().startup(sockets)
        except SystemExit:  # uvicorn's own way of not coming up, with a status of its own
            self.should_exit = True
        if self.started:
            _settle()
            self._log.info("ready")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        ending = self._end() if self._end is not None else None
        if ending is not None:
            await ending
        await super().shutdown(sockets)


async def serve(
    app: ASGIApp,
    address: tuple[str, int],
    log: Log,
    *,
    grace_s: int = 1,
    begin: Callable[[], Awaitable[None]] | None = None,
    end: Callable[[], Awaitable[None] | None] | None = None,
) -> bool:
    """Serve until SIGTERM or SIGINT. False: it never came up, and the log says why. Raises what kept the application from
    beginning, `OSError` for an address that cannot be had.

    `begin` runs before the socket opens, `end` before it closes; connections then have `grace_s` seconds.
    """
    sockets = bind(address)
    beginning = Startup(app)
    config = uvicorn.Config(
        beginning,
        log_config=None,
        access_log=False,  # request lines hold one-use keys and idempotency keys
        proxy_headers=False,  # a source address is the connection's own, never what a header says
        server_header=False,
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=grace_s,
    )
    server = _Server(config, log, begin, end)
    try:
        await asyncio.sleep(0)  # one who has been told to end hears of it here, with nothing begun
        await server.serve(sockets)
    finally:
        for one in sockets:
            one.close()
    if beginning.failure is not None:
        raise beginning.failure
    return server.started


def _settle() -> None:
    """What the beginning has made (modules, models, routes: some hundred thousand objects) lives as long as the process. The collector
    of cycles need not look at it again: each look at all of it would hold up the loop for 50 to 100 ms."""
    gc.collect()
    gc.freeze()


def logger(service: str) -> structlog.stdlib.BoundLogger:
    """`observe.logging.configure` at the level that the environment asks for. Ends the process with 2 when there is no such level."""
    try:
        log = configure(service, os.environ.get(LOG_LEVEL, "INFO"))
    except ValueError as error:
        sys.stderr.write(f"{LOG_LEVEL}: {error}\n")
        raise SystemExit(2) from None
    log.debug("debugging")
    return log


def no_core_dumps() -> None:
    """Digits, tokens or secrets pass through this process's memory, and stay there."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(service: Coroutine[Any, Any, bool], log: Log, *errors: type[Exception]) -> int:
    """Run a service to its end; `errors` are its own ways of not starting, besides `OSError`. Returns the exit code."""
    not_started: tuple[type[Exception], ...] = (
        OSError,
        OverflowError,
        *errors,
    )  # OverflowError: no such port
    try:
        return 0 if asyncio.run(stopping.until_told(service)) else 1
    except stopping.ToldToEnd:
        log.info("told_to_end")
        return 0
    except not_started as error:
        log.critical("cannot_start", error=str(error))
        return 1


def run_sandbox(
    name: str,
    what: str,
    read: Callable[[Path], Settings],
    service: Callable[[Settings], Coroutine[Any, Any, bool]],
    *errors: type[Exception],
    argv: list[str] | None = None,
) -> int:
    """A process of the sandbox: one `--config` file of its own, read by `read`. Returns the exit code."""
    stopping.at_once()
    parser = argparse.ArgumentParser(prog=f"callseal.services.{name}", description=what)
    parser.add_argument("--config", type=Path, required=True)
    arguments = parser.parse_args(argv)
    log = logger(name)
    no_core_dumps()
    try:
        settings = read(arguments.config)
    except (OSError, tomllib.TOMLDecodeError) as error:
        log.critical("bad_configuration", error=str(error))
        return 2
    except ValidationError as error:
        # Key and reason only: the value may be a secret.
        wrong = [
            {"key": ".".join(map(str, one["loc"])), "why": one["msg"]}
            for one in error.errors(include_input=False)
        ]
        log.critical("bad_configuration", wrong=wrong)
        return 2
    return run(service(settings), log, *errors)


def read_toml(path: Path) -> dict[str, Any]:
    """Raises `OSError` or `tomllib.TOMLDecodeError`."""
    with path.open("rb") as source:
        return tomllib.load(source)


def pair(listen: str) -> tuple[str, int]:
    """`ADDRESS:PORT` taken apart."""
    host, _, port = listen.rpartition(":")
    return host, int(port)
