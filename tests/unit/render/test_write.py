"""The rendered directory on the disk."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from callseal.render import hand_written, render
from tests.unit.render.test_plan import deployment

pytestmark = pytest.mark.unit


def test_renders_configuration_and_data(tmp_path: Path) -> None:
    out = tmp_path / "router"
    paths = render(deployment(tmp_path), "edge-1", out)
    assert all(path.is_file() for path in paths)
    assert (out / "kamailio.cfg").read_bytes() == (hand_written() / "kamailio.cfg").read_bytes()
    assert {path.relative_to(out).as_posix() for path in paths} == {
        path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()
    }
    assert stat.S_IMODE((out / "data" / "keys.cfg").stat().st_mode) == 0o600


def test_renders_again_over_itself(tmp_path: Path) -> None:
    out = tmp_path / "router"
    first = {path: path.read_bytes() for path in render(deployment(tmp_path), "edge-1", out)}
    (out / "data" / "keys.cfg").chmod(0o644)
    assert {path: path.read_bytes() for path in render(deployment(tmp_path), "edge-1", out)} == first
    assert stat.S_IMODE((out / "data" / "keys.cfg").stat().st_mode) == 0o600


def test_writes_nothing_when_it_cannot_plan(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        render(deployment(tmp_path), "edge-9", tmp_path / "router")
    assert not (tmp_path / "router").exists()
