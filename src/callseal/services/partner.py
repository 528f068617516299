"""`python -m callseal.services.partner --config FILE`: the sandbox partner. Keys: docs/explanation/sandbox-partner.md."""

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

import structlog
import uvicorn
from pydantic import ValidationError

from callseal.observe.logging import configure
from callseal.sandbox.partner import Partner, PartnerSettings, build, pair

_GRACE_S = 1


class _Server(uvicorn.Server):
    """Says `ready` when SIP, digit feed and API are all up."""

    partner: Partner

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.partner.start()
        await super().startup(sockets)
        if self.started:
            structlog.get_logger("callseal.partner").info("ready")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self.partner.stop()
        await super().shutdown(sockets)


def this_month() -> tuple[int, int]:
    """(year, month) in UTC."""
    now = time.gmtime()
    return now.tm_year, now.tm_mon


async def serve(settings: PartnerSettings) -> bool:
    """Serve until SIGTERM or SIGINT. False: it never came up, and the log says why."""
    partner = build(settings, clock=time.time, today=this_month)
    host, port = pair(settings.api)
    server = _Server(
        uvicorn.Config(
            partner.app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=_GRACE_S,
        )
    )
    server.partner = partner
    await server.serve()
    return server.started


def main(argv: list[str] | None = None) -> int:
    """Exit codes: 0 after a signal, 1 when it could not start, 2 for a wrong configuration."""
    parser = argparse.ArgumentParser(prog="callseal.services.partner", description="the sandbox partner")
    parser.add_argument("--config", type=Path, required=True)
    arguments = parser.parse_args(argv)
    log = configure("partner")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # cards pass through this memory
    try:
        settings = PartnerSettings.read(arguments.config)
    except (OSError, tomllib.TOMLDecodeError) as error:
        log.critical("bad_configuration", error=str(error))
        return 2
    except ValidationError as error:
        wrong = [
            {"key": ".".join(map(str, one["loc"])), "why": one["msg"]}
            for one in error.errors(include_input=False)
        ]
        log.critical("bad_configuration", wrong=wrong)
        return 2
    # uvicorn raises the signal again when it has shut down; this is what it then meets.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: None)
    try:
        return 0 if asyncio.run(serve(settings)) else 1
    except OSError as error:
        log.critical("cannot_start", error=str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
