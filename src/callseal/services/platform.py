"""`python -m callseal.services.platform --config FILE`: the platform sandbox.

listen = "127.88.0.41:8041"
webhook_secret = "whsec_..."
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Self

import structlog
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from callseal.sandbox.platform import Inbox, create_app, secret_bytes
from callseal.services import clock, runner


def _secret(value: object) -> bytes:
    return secret_bytes(value if isinstance(value, str) else "")


class PlatformSettings(BaseModel):
    """`webhook_secret` in its standard form; it appears in no error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    listen: runner.Listen
    webhook_secret: Annotated[bytes, BeforeValidator(_secret)] = Field(repr=False)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises `OSError`, `tomllib.TOMLDecodeError` or `pydantic.ValidationError`."""
        return cls.model_validate(runner.read_toml(path))


async def serve(settings: PlatformSettings) -> bool:
    """As `runner.serve`; silences end with the process."""
    inbox = Inbox()
    return await runner.serve(
        create_app(inbox, secret=settings.webhook_secret, now_ms=clock.now_ms),
        runner.pair(settings.listen),
        structlog.get_logger("callseal.platform"),
        end=inbox.close,
    )


def main(argv: list[str] | None = None) -> int:
    """Exit code: `runner`."""
    return runner.run_sandbox("platform", "the platform sandbox", PlatformSettings.read, serve, argv=argv)


if __name__ == "__main__":
    sys.exit(main())
