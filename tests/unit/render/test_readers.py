"""A rendered directory that was made for a group: Kamailio's user reads what root has written, and changes none of it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from callseal.operate.rendered import differences, planned
from callseal.render import SEEN_AT, render
from callseal.render.readers import reading_group
from callseal.render.write import write_zone
from tests.unit.render.test_plan import deployment

pytestmark = [
    pytest.mark.unit,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a directory to a group"),
]

GROUP = 54321


def rendered(tmp_path: Path, *, group: int = GROUP, mode: int = 0o1771) -> Path:
    out = tmp_path / "router"
    out.mkdir()
    os.chown(out, -1, group)
    out.chmod(mode)
    render(deployment(tmp_path), "edge-1", out)
    return out


def about(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)


def test_the_group_reads_all_of_it_and_nobody_else_any(tmp_path: Path) -> None:
    out = rendered(tmp_path)
    assert about(out / "data") == (0, GROUP, 0o750)
    found = {about(path) for path in out.rglob("*") if path.is_file()}
    assert found == {(0, GROUP, 0o640)}


def test_nobody_reads_keys_where_it_was_made_for_nobody(tmp_path: Path) -> None:
    assert about(rendered(tmp_path, group=0) / "data/keys.cfg") == (0, 0, 0o600)


def test_a_group_that_came_from_the_directory_above_is_not_meant(tmp_path: Path) -> None:
    """As in Debian's /usr/local, which is of the group staff."""
    out = rendered(tmp_path, mode=0o2775)
    assert reading_group(out) is None
    assert about(out / "data/keys.cfg")[2] == 0o600


def test_the_doctor_takes_it_as_meant_and_no_more_than_that(tmp_path: Path) -> None:
    out, given = rendered(tmp_path), deployment(tmp_path)
    files = planned(given, "edge-1", SEEN_AT)
    assert list(differences(files, out)) == []
    (out / "data/keys.cfg").chmod(0o644)
    assert [(one.path, one.why) for one in differences(files, out)] == [
        ("data/keys.cfg", "readable by others")
    ]


def test_parts_are_written_apart(tmp_path: Path) -> None:
    """Kamailio's files must not change when rtpengine starts: nobody would take them."""
    given, both = deployment(tmp_path), tmp_path / "both"
    (env,) = render(given, "edge-1", tmp_path / "media", part="media")
    assert env.name == "edge.env"
    router = {
        path.relative_to(tmp_path / "router")
        for path in render(given, "edge-1", tmp_path / "router", part="router")
    }
    assert {Path("edge.env"), *router} == {path.relative_to(both) for path in render(given, "edge-1", both)}
    assert Path("edge.env") not in router
    assert write_zone(given, both, serial=1) == []
