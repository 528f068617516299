"""The one form in which a verdict is hashed and signed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]


def canonical(value: Mapping[str, Any]) -> bytes:
    """Keys sorted, no white space, UTF-8 (RFC 8785 for objects without fractions). Raises `ValueError` for what JSON has not."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()
