"""`python -m callseal.services.keypad --config FILE`: the keypad page, with both phones as its children.

listen = "127.88.0.60:8060"
key_file = "keypad.key"                     # the one-use key, made by whoever starts this
dial = "sip:+442071234567@127.88.0.20"      # whom the customer calls
customer = "customer.toml"                  # the phones' own settings, each with an audio_feed
agent = "agent.toml"
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import signal
import socket
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Self

import structlog
import uvicorn
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from callseal.audit.tones import ToneDetector
from callseal.observe.logging import configure
from callseal.phones.checked import FaultError
from callseal.phones.driver import COMMAND, PhoneError
from callseal.phones.handset import CountTones, Handset
from callseal.phones.keypad import build_app

_GRACE_S = 1
_KEY_OCTETS = 16


class KeypadSettings(BaseModel):
    """Relative paths start at the folder of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    listen: Annotated[str, StringConstraints(pattern=r"^\d{1,3}(\.\d{1,3}){3}:\d{1,5}$")]
    key_file: Path
    dial: Annotated[str, StringConstraints(pattern=r"^sips?:[^\s<>]+$")]
    customer: Path
    agent: Path
    phone_command: tuple[str, ...] = Field(default=COMMAND, min_length=1)
    """How a phone is started where this Python has no PJSIP."""
    phone_env: dict[str, str] = Field(default_factory=dict)
    """Added to this process's environment for the phones."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises `OSError`, `tomllib.TOMLDecodeError` or `pydantic.ValidationError`."""
        with path.open("rb") as source:
            settings = cls.model_validate(tomllib.load(source))
        return settings.model_copy(
            update={name: path.parent / getattr(settings, name) for name in ("key_file", "customer", "agent")}
        )


def tone_counter() -> CountTones:
    """A fresh in-band ear; the keys it recognises end here, as a number."""
    detector = ToneDetector()

    def count(samples: Iterable[int]) -> int:
        return len(detector.hear(samples))

    return count


class _Server(uvicorn.Server):
    """Says `ready` when the socket is open and both phones are."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            structlog.get_logger("callseal.keypad").info("ready")


async def serve(settings: KeypadSettings) -> bool:
    """Serve until SIGTERM or SIGINT. False: it never came up, and the log says why."""
    host, _, port = settings.listen.rpartition(":")
    key = settings.key_file.read_text().strip()
    if len(key) < _KEY_OCTETS:
        raise ValueError("the key is too short")

    def handset(config: Path) -> Handset:
        return Handset(
            config,
            new_tone_counter=tone_counter,
            command=settings.phone_command,
            env={**os.environ, **settings.phone_env},
        )

    app = build_app(
        customer=handset(settings.customer),
        agent=handset(settings.agent),
        dial=settings.dial,
        key=key,
        host=host,
    )
    config = uvicorn.Config(
        app,
        host=host,
        port=int(port),
        log_config=None,
        access_log=False,  # it would hold the one-use key
        proxy_headers=False,
        server_header=False,
        ws="none",
        lifespan="on",
        # Sound streams have no end of their own.
        timeout_graceful_shutdown=_GRACE_S,
    )
    server = _Server(config)
    await server.serve()
    return server.started


def main(argv: list[str] | None = None) -> int:
    """Exit codes: 0 after a signal, 1 when it could not start, 2 for a wrong configuration."""
    parser = argparse.ArgumentParser(prog="callseal.services.keypad", description="the lab's keypad page")
    parser.add_argument("--config", type=Path, required=True)
    arguments = parser.parse_args(argv)
    log = configure("keypad")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # digits pass through this memory
    try:
        settings = KeypadSettings.read(arguments.config)
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        log.critical("bad_configuration", error=str(error))
        return 2
    # uvicorn raises the signal again when it has shut down; this is what it then meets.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: None)
    try:
        return 0 if asyncio.run(serve(settings)) else 1
    except (OSError, ValueError, FaultError, PhoneError) as error:
        log.critical("cannot_start", error=str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
