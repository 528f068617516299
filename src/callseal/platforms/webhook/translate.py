"""Our wishes as the platform reads them, and its answers as we do. Pure; by allow-list in both directions."""

from __future__ import annotations

import json
from typing import Any


def annotated(reference: str, state: str, text: str) -> dict[str, Any]:
    return {"type": "call.annotated", "data": {"reference": reference, "state": state, "text": text}}


def recording(verb: str, reference: str) -> dict[str, Any]:
    """`verb`: pause or resume."""
    return {"type": f"recording.{verb}", "data": {"reference": reference}}


def is_acknowledged(body: bytes) -> bool:
    """Whether the platform said that it did it. A 200 alone is not that: pausing fails silently all too often."""
    try:
        content = json.loads(body)
    except ValueError:
        return False
    return isinstance(content, dict) and content.get("acknowledged") is True
