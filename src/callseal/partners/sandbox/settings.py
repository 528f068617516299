"""What the desk must know to speak to this partner."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """`url` without a trailing slash. Secrets do not appear in `repr`. Times in milliseconds."""

    url: str
    api_key: str = field(repr=False)
    webhook_secrets: tuple[str, ...] = field(repr=False)
    """Current and, while it is being rotated, previous: any of them verifies."""
    timeout_ms: int = 2_000
    """Shorter than the desk's secure timeout: a late answer is worth nothing."""
    tolerance_ms: int = 300_000
    """How far a webhook's time may be from ours (Standard Webhooks recommends five minutes)."""
    postal_code_min: int = 5
