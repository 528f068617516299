"""The tone filter: the small library that the fence `tones` needs in the edge's rtpengine (infra/tone-filter)."""

from __future__ import annotations

import subprocess
from pathlib import Path

from callseal.deployment import Deployment
from callseal.lab.rootfs import project_root
from callseal.observe.errors import Error


class ToneFilterError(Error):
    """It could not be built; the message is the builder's."""


def build() -> Path:
    """The library, built or found in the cache. Raises `ToneFilterError`."""
    script = project_root() / "infra" / "tone-filter" / "build"
    done = subprocess.run([str(script)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ToneFilterError(done.stderr.strip() or f"{script} failed with {done.returncode}")
    return Path(done.stdout.strip())


def tone_filter_for(deployment: Deployment) -> Path | None:
    """What the edges' rtpengines of that deployment are started with; None where no fence needs it."""
    return build() if deployment.fence == "tones" else None
