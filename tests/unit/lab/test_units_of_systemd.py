"""The units in infra/systemd: what one of them must say for the router to be safe."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

UNITS = Path(__file__).parents[3] / "infra" / "systemd"


def test_nobody_but_the_log_door_says_that_it_is_there() -> None:
    """Inherited without the library, Kamailio would load nothing that keeps messages out of its log."""
    lines = (UNITS / "callseal-kamailio.service").read_text(encoding="utf-8").splitlines()
    assert "UnsetEnvironment=WITH_LOG_DOOR" in lines
