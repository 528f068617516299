"""The tone filter: the small library that the fence `tones` needs in the edge's rtpengine (infra/tone-filter)."""

from __future__ import annotations

from pathlib import Path

from callseal.deployment import Deployment
from callseal.lab import preload


def build() -> Path:
    """The library, built or found in the cache. Raises `PreloadError`."""
    return preload.build("tone-filter")


def tone_filter_for(deployment: Deployment) -> Path | None:
    """What the edges' rtpengines of that deployment are started with; None where no fence needs it."""
    return build() if deployment.fence == "tones" else None
