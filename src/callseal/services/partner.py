"""`python -m callseal.services.partner --config FILE`: the sandbox partner. Keys: docs/explanation/sandbox-partner.md."""

from __future__ import annotations

import sys
import time

import structlog

from callseal.sandbox.partner import PartnerSettings, build, pair
from callseal.services import clock, runner


async def serve(settings: PartnerSettings) -> bool:
    """As `runner.serve`; `ready` means SIP, digit feed and API are all up."""
    partner = build(settings, clock=time.time, today=clock.this_month)
    return await runner.serve(
        partner.app,
        pair(settings.api),
        structlog.get_logger("callseal.partner"),
        begin=partner.start,
        end=partner.stop,
    )


def main(argv: list[str] | None = None) -> int:
    """Exit code: `runner`."""
    return runner.run_sandbox("partner", "the sandbox partner", PartnerSettings.read, serve, argv=argv)


if __name__ == "__main__":
    sys.exit(main())
