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


def test_the_libraries_of_kamailio_go_into_kamailio_alone() -> None:
    """What the unit runs before it, and the other daemons, know nothing of them."""
    for unit in UNITS.glob("*.service"):
        lines = unit.read_text(encoding="utf-8").splitlines()
        said = "\n".join(line for line in lines if not line.startswith("UnsetEnvironment="))
        assert "WITH_LOG_DOOR" not in said, unit.name
        if unit.name == "callseal-kamailio.service":
            before = [line.partition("=")[2] for line in lines if line.startswith("ExecStartPre=")]
            assert before
            assert all(command.startswith("/usr/bin/env -u LD_PRELOAD ") for command in before)
        else:
            assert "log-door" not in said, unit.name
            assert "peer-check" not in said, unit.name
