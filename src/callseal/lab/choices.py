"""How a world may differ from the default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from callseal.deployment import Deployment
from callseal.lab.name_server import zones
from callseal.lab.rootfs import BASELINE


@dataclass(frozen=True, slots=True)
class Choices:
    """How this world differs from the default. `partner` is merged into the sandbox partner's settings.

    `zones` writes what the name server serves, a text by the name of its zone; only a site with hosts has one.
    """

    suite: str = BASELINE
    edges: int = 1
    """2: a second edge on a block of loopback. Sites of hosts have theirs anyway."""
    partner: Mapping[str, Any] = field(default_factory=dict)
    psp: Mapping[str, Any] = field(default_factory=dict)
    zones: Callable[[Deployment], Mapping[str, str]] = zones
    loud: bool = False
    """Every log says as much as its process may be told to say."""
