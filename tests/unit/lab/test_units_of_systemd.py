"""The units in infra/systemd: what one of them must say for the router to be safe."""

from __future__ import annotations

from pathlib import Path

import pytest

from callseal.lab.rootfs import Rootfs
from callseal.lab.router import Kamailio
from callseal.render import hand_written

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


def test_the_lab_hands_no_variable_of_ours_on_to_kamailio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WITH_LOG_DOOR", "1")
    (tmp_path / "data").mkdir()
    kamailio = Kamailio(
        Rootfs("forky", tmp_path), config=tmp_path, sip=("127.0.0.1", 5060), known_peer="127.0.0.1",
        log=tmp_path / "log", door=False,
    )  # fmt: skip
    assert kamailio._env is not None
    assert set(kamailio._env) == {"PATH"}


def test_kamailio_can_start_no_program_that_would_inherit_them() -> None:
    modules = (hand_written() / "modules.cfg").read_text(encoding="utf-8")
    assert 'loadmodule "exec.so"' not in modules
    assert 'loadmodule "app_' not in modules
