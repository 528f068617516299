"""The peer check: the small library with which an edge's Kamailio asks for a server's name (infra/peer-check)."""

from __future__ import annotations

from pathlib import Path

from callseal.deployment import Deployment
from callseal.lab import preload


def build() -> Path:
    """The library, built or found in the cache. Raises `PreloadError`."""
    return preload.build("peer-check")


def peer_check_for(deployment: Deployment) -> Path | None:
    """What the edges' Kamailios of that deployment are started with; None where no peer has a `tls_name`."""
    return build() if any(peer.tls_name for peer in deployment.peers) else None
