"""What the desk must know. Made by `services.desk` from the deployment; secrets do not appear in `repr`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from callseal.payments.limits import Limits

STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True)
class AgentLogin:
    """`password` as it stands, or `scrypt$n$r$p$salt$hash` (base64)."""

    login: str
    name: str
    tenant: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """Times in milliseconds."""

    url: str
    edge_secret: str = field(repr=False)
    operator_secret: str = field(default="", repr=False)
    """"": nobody can switch payments."""
    agents: tuple[AgentLogin, ...] = ()
    currencies: tuple[str, ...] = ("GBP",)
    limits: Limits = field(default_factory=Limits)
    static: Path = STATIC
    login_ms: int = 12 * 3_600_000
    """A shift: after that the agent logs in again."""
    ping_ms: int = 3_000
    gap_patience_ms: int = 10_000
    """How long a webhook waits for the one before it, which its sender may have given up."""
    forget_unknown_ms: int = 3_600_000
    """Messages about calls we never heard of are asked to come again (the hand-off may be late), but not for ever."""

    @property
    def secure_cookies(self) -> bool:
        return self.url.startswith("https:")
