"""`python -m callseal.services.keypad --config FILE`: the keypad page, with both phones as its children.

listen = "127.88.0.60:8060"
key_file = "keypad.key"                     # the one-use key, made by whoever starts this
dial = "sip:+442071234567@127.88.0.20"      # whom the customer calls
customer = "customer.toml"                  # the phones' own settings, each with an audio_feed
agent = "agent.toml"
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Self

import structlog
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from callseal.audit.tones import ToneDetector
from callseal.phones.checked import FaultError
from callseal.phones.driver import COMMAND, PhoneError
from callseal.phones.handset import CountTones, Handset
from callseal.phones.keypad import build_app
from callseal.services import runner

_KEY_OCTETS = 16


class KeypadSettings(BaseModel):
    """Relative paths start at the folder of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    listen: runner.Listen
    key_file: Path
    dial: Annotated[str, StringConstraints(pattern=r"^sips?:[^\s<>]+$")]
    customer: Path
    agent: Path
    customer_command: tuple[str, ...] = Field(default=COMMAND, min_length=1)
    """How the customer's phone is started: on another host, or where this Python has no PJSIP."""
    agent_command: tuple[str, ...] = Field(default=COMMAND, min_length=1)
    """How the agent's phone is started."""
    phone_env: dict[str, str] = Field(default_factory=dict)
    """Added to this process's environment for the phones."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises `OSError`, `tomllib.TOMLDecodeError` or `pydantic.ValidationError`."""
        settings = cls.model_validate(runner.read_toml(path))
        return settings.model_copy(
            update={name: path.parent / getattr(settings, name) for name in ("key_file", "customer", "agent")}
        )


def tone_counter() -> CountTones:
    """A fresh in-band ear; the keys it recognises end here, as a number."""
    detector = ToneDetector()

    def count(samples: Iterable[int]) -> int:
        return len(detector.hear(samples))

    return count


async def serve(settings: KeypadSettings) -> bool:
    """As `runner.serve`; `ready` means both phones are. Sound streams end with the grace, they have no other end."""
    host, port = runner.pair(settings.listen)
    key = settings.key_file.read_text().strip()
    if len(key) < _KEY_OCTETS:
        raise ValueError("the key is too short")

    def handset(config: Path, command: tuple[str, ...]) -> Handset:
        return Handset(
            config,
            new_tone_counter=tone_counter,
            command=command,
            env={**os.environ, **settings.phone_env},
        )

    app = build_app(
        customer=handset(settings.customer, settings.customer_command),
        agent=handset(settings.agent, settings.agent_command),
        dial=settings.dial,
        key=key,
        host=host,
    )
    return await runner.serve(app, (host, port), structlog.get_logger("callseal.keypad"))


def main(argv: list[str] | None = None) -> int:
    """Exit code: `runner`."""
    return runner.run_sandbox(
        "keypad",
        "the lab's keypad page",
        KeypadSettings.read,
        serve,
        ValueError,
        FaultError,
        PhoneError,
        argv=argv,
    )


if __name__ == "__main__":
    sys.exit(main())
