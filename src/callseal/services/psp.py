"""`python -m callseal.services.psp --config FILE`: the PSP simulator.

listen = "127.88.0.33:8033"
answer_ms = 150       # how long a charge takes
timeout_ms = 30000    # how long it says nothing when it does not answer
"""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import Self

import structlog
from pydantic import BaseModel, ConfigDict, Field

from callseal.sandbox.psp import Charges, create_app
from callseal.services import clock, runner


class PspSettings(BaseModel):
    """Times in milliseconds."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    listen: runner.Listen
    answer_ms: int = Field(default=150, ge=0, le=60_000)
    timeout_ms: int = Field(default=30_000, ge=1, le=300_000)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises `OSError`, `tomllib.TOMLDecodeError` or `pydantic.ValidationError`."""
        return cls.model_validate(runner.read_toml(path))


async def serve(settings: PspSettings) -> bool:
    """As `runner.serve`; silences end with the process."""
    charges = Charges(
        secret=secrets.token_bytes(32),
        random=secrets.SystemRandom(),
        answer_ms=settings.answer_ms,
        timeout_ms=settings.timeout_ms,
    )
    return await runner.serve(
        create_app(charges, clock.this_month),
        runner.pair(settings.listen),
        structlog.get_logger("callseal.psp"),
        end=charges.close,
    )


def main(argv: list[str] | None = None) -> int:
    """Exit code: `runner`."""
    return runner.run_sandbox("psp", "the sandbox's PSP simulator", PspSettings.read, serve, argv=argv)


if __name__ == "__main__":
    sys.exit(main())
