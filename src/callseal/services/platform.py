"""`python -m callseal.services.platform --config FILE`: the platform sandbox.

listen = "127.88.0.41:8041"
webhook_secret = "whsec_..."
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import signal
import socket
import sys
import time
import tomllib
from pathlib import Path
from typing import Annotated, Self

import structlog
import uvicorn
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from callseal.observe.logging import configure
from callseal.sandbox.platform import Inbox, create_app, secret_bytes

_GRACE_S = 1


def _secret(value: object) -> bytes:
    return secret_bytes(value if isinstance(value, str) else "")


class PlatformSettings(BaseModel):
    """`webhook_secret` in its standard form; it appears in no error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    listen: Annotated[str, StringConstraints(pattern=r"^\d{1,3}(\.\d{1,3}){3}:\d{1,5}$")]
    webhook_secret: Annotated[bytes, BeforeValidator(_secret)] = Field(repr=False)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises `OSError`, `tomllib.TOMLDecodeError` or `pydantic.ValidationError`."""
        with path.open("rb") as source:
            return cls.model_validate(tomllib.load(source))


def now_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000


class _Server(uvicorn.Server):
    """Says `ready` when it serves, and ends the silences before it waits for connections to close."""

    inbox: Inbox

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            structlog.get_logger("callseal.platform").info("ready")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.inbox.close()
        await super().shutdown(sockets)


async def serve(settings: PlatformSettings) -> bool:
    """Serve until SIGTERM or SIGINT. False: it never came up, and the log says why."""
    inbox = Inbox()
    host, _, port = settings.listen.rpartition(":")
    server = _Server(
        uvicorn.Config(
            create_app(inbox, secret=settings.webhook_secret, now_ms=now_ms),
            host=host,
            port=int(port),
            log_config=None,
            access_log=False,  # the inbox says what came
            proxy_headers=False,
            server_header=False,
            ws="none",
            lifespan="on",
            timeout_graceful_shutdown=_GRACE_S,
        )
    )
    server.inbox = inbox
    await server.serve()
    return server.started


def main(argv: list[str] | None = None) -> int:
    """Exit codes: 0 after a signal, 1 when it could not start, 2 for a wrong configuration."""
    parser = argparse.ArgumentParser(prog="callseal.services.platform", description="the platform sandbox")
    parser.add_argument("--config", type=Path, required=True)
    arguments = parser.parse_args(argv)
    log = configure("platform")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the secret stays in this memory
    try:
        settings = PlatformSettings.read(arguments.config)
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
