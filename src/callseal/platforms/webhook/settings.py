"""What the desk must know to tell a platform by webhook."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """`url` receives every event. The secret does not appear in `repr`. Times in milliseconds."""

    url: str
    secret: str = field(repr=False)
    timeout_ms: int = 2_000
