"""`python -m callseal.services.psp --config FILE`: the PSP simulator.

listen = "127.88.0.33:8033"
answer_ms = 150       # how long a charge takes
timeout_ms = 30000    # how long it says nothing when it does not answer
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import secrets
import signal
import socket
import sys
import time
import tomllib
from pathlib import Path
from typing import Annotated, Self

import structlog
import uvicorn
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from callseal.observe.logging import configure
from callseal.sandbox.psp import Charges, create_app

_GRACE_S = 1


class PspSettings(BaseModel):
    """Times in milliseconds."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    listen: Annotated[str, StringConstraints(pattern=r"^\d{1,3}(\.\d{1,3}){3}:\d{1,5}$")]
    answer_ms: int = Field(default=150, ge=0, le=60_000)
    timeout_ms: int = Field(default=30_000, ge=1, le=300_000)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises `OSError`, `tomllib.TOMLDecodeError` or `pydantic.ValidationError`."""
        with path.open("rb") as source:
            return cls.model_validate(tomllib.load(source))


def today() -> tuple[int, int]:
    """(year, month) in UTC."""
    now = time.gmtime()
    return now.tm_year, now.tm_mon


class _Server(uvicorn.Server):
    """Says `ready` when it serves, and ends the silences before it waits for connections to close."""

    charges: Charges

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            structlog.get_logger("callseal.psp").info("ready")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.charges.close()
        await super().shutdown(sockets)


async def serve(settings: PspSettings) -> bool:
    """Serve until SIGTERM or SIGINT. False: it never came up, and the log says why."""
    charges = Charges(
        secret=secrets.token_bytes(32),
        random=secrets.SystemRandom(),
        answer_ms=settings.answer_ms,
        timeout_ms=settings.timeout_ms,
    )
    host, _, port = settings.listen.rpartition(":")
    server = _Server(
        uvicorn.Config(
            create_app(charges, today),
            host=host,
            port=int(port),
            log_config=None,
            access_log=False,  # it would hold idempotency keys
            proxy_headers=False,
            server_header=False,
            ws="none",
            lifespan="on",
            timeout_graceful_shutdown=_GRACE_S,
        )
    )
    server.charges = charges
    await server.serve()
    return server.started


def main(argv: list[str] | None = None) -> int:
    """Exit codes: 0 after a signal, 1 when it could not start, 2 for a wrong configuration."""
    parser = argparse.ArgumentParser(prog="callseal.services.psp", description="the sandbox's PSP simulator")
    parser.add_argument("--config", type=Path, required=True)
    arguments = parser.parse_args(argv)
    log = configure("psp")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # cards pass through this memory
    try:
        settings = PspSettings.read(arguments.config)
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        log.critical("bad_configuration", error=str(error))
        return 2
    # uvicorn raises the signal again when it has shut down; this is what it then meets.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: None)
    try:
        return 0 if asyncio.run(serve(settings)) else 1
    except (OSError, OverflowError) as error:
        log.critical("cannot_start", error=str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
