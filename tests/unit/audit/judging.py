"""The audit of a capture in memory, as its verdicts."""

from __future__ import annotations

import io
from typing import Any

from callseal.audit.captures import Named
from callseal.audit.command import Options, audit, sealed
from tests.support.call_capture import Capture


def verdicts(data: Capture | bytes, **options: Any) -> list[dict[str, Any]]:
    return sealed(
        audit([Named("call.pcap", io.BytesIO(bytes(data)))], Options(**options), made_at=1_790_000_000)
    )


def verdict(data: Capture | bytes, **options: Any) -> dict[str, Any]:
    (one,) = verdicts(data, **options)
    return one
