"""The desk's event stream (server-sent events) as a bench reads it."""

from __future__ import annotations

import json
from typing import Any


def call_of(event: bytes) -> dict[str, Any] | None:
    """The call that this event, without the blank line that ends it, is about; None for a ping."""
    for line in event.split(b"\n"):
        if line.startswith(b"data: "):
            call: dict[str, Any] = json.loads(line[6:])
            return call if "reference" in call else None
    return None
