"""What is written, in which order Kamailio takes it, and how patient a reload is."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from callseal.deployment import read
from callseal.edge.router_control import RouterRefusedError, RouterSilentError
from callseal.lab.block import Block
from callseal.lab.workspace import Workspace
from callseal.operate.reload import STAGED, NotBackError, apply, check, restart, summary, user_of, write
from callseal.operate.rendered import Difference, differences, newer_than_start, planned
from callseal.render import SEEN_AT, RenderedFile, render

pytestmark = pytest.mark.unit

NUMBERS = RenderedFile("data/numbers", "new\n")
FILES = {
    path: Difference(path, "changed", RenderedFile(path, "x"))
    for path in (
        "data/numbers",
        "data/address.list",
        "data/dispatcher.list",
        "data/tls.cfg",
        "data/ca.pem",
        "media.cfg",
    )
}


class _Control:
    """`busy` reloads are refused first."""

    def __init__(self, *, tls: bool = True, busy: int = 0) -> None:
        self.calls: list[str] = []
        self.tls = tls
        self.busy = busy

    def call(self, method: str, *params: str) -> Any:
        if method == "system.listMethods":
            return ["mtree.reload", *(["tls.reload"] if self.tls else [])]
        if method == "dispatcher.reload" and self.busy:
            self.busy -= 1
            raise RouterRefusedError(method, 500, "Ongoing reload")
        self.calls.append(" ".join((method, *params)))
        return "Ok"


class _Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def _apply(control: Any, *paths: str) -> list[str]:
    clock = _Clock()
    return apply([FILES[path] for path in paths], control, monotonic=clock.monotonic, sleep=clock.sleep)


def test_order_is_how_where_who_what() -> None:
    control = _Control()
    assert _apply(control, *FILES) == control.calls
    assert control.calls == [
        "tls.reload",
        "dispatcher.reload",
        "permissions.addressReload",
        "mtree.reload numbers",
    ]


def test_only_what_changed_and_only_what_it_can() -> None:
    assert _apply(_Control(), "data/numbers", "media.cfg") == ["mtree.reload numbers"]
    assert _apply(_Control(tls=False), "data/tls.cfg", "data/numbers") == ["mtree.reload numbers"]


def test_a_reload_under_way_is_waited_for() -> None:
    assert _apply(_Control(busy=20), "data/dispatcher.list") == ["dispatcher.reload"]
    with pytest.raises(RouterRefusedError):
        _apply(_Control(busy=1000), "data/dispatcher.list")


def test_what_needs_a_restart_is_said() -> None:
    firewall = Difference("firewall.nft", "changed", RenderedFile("firewall.nft", "x"))
    media = Difference("edge.env", "changed", RenderedFile("edge.env", "x"))
    first, second, third, fourth = summary([FILES["data/numbers"], FILES["media.cfg"], firewall, media])
    assert first == "data/numbers: changed; taken while running"
    assert second == "media.cfg: changed; needs a restart"
    assert "nft -f" in third
    assert not firewall.restarts
    assert "rtpengine takes it at its next start" in fourth
    assert not media.restarts, "of Kamailio, which does not read it"


def test_a_second_change_within_a_second_is_dated_ahead(tmp_path: Path) -> None:
    path = tmp_path / "data" / "numbers"
    path.parent.mkdir()
    path.write_text("old\n", encoding="utf-8")
    later = path.stat().st_mtime + 100
    os.utime(path, (later, later))
    write([Difference("data/numbers", "changed", NUMBERS)], tmp_path)
    assert path.read_text(encoding="utf-8") == "new\n"
    assert int(path.stat().st_mtime) == int(later) + 1


def test_leftovers_go(tmp_path: Path) -> None:
    (tmp_path / "old.cfg").touch()
    (tmp_path / "old.re").touch()
    found = list(differences([], tmp_path))
    assert [one.path for one in found] == ["old.cfg", "old.re"]
    write(found, tmp_path)
    assert list(differences([], tmp_path)) == []


def test_a_reload_knows_every_file_that_render_writes(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, Block("127.88.0"))
    workspace.prepare()
    deployment = read(workspace.deployment)
    written = {
        str(path.relative_to(workspace.router)) for path in render(deployment, "edge-1", workspace.router)
    }
    assert {file.path for file in planned(deployment, "edge-1", SEEN_AT)} == written
    assert list(differences(planned(deployment, "edge-1", SEEN_AT), workspace.router)) == []
    (workspace.router / "plain.re").unlink()
    (found,) = differences(planned(deployment, "edge-1", SEEN_AT), workspace.router)
    assert (found.path, found.restarts) == ("plain.re", True)


def test_the_new_configuration_is_read_as_the_user_who_runs(tmp_path: Path) -> None:
    (tmp_path / "42").mkdir()
    status = tmp_path / "42/status"
    status.write_text(
        "Name:\tkamailio\nUid:\t1\t996\t2\t3\nGid:\t4\t997\t5\t6\nGroups:\t996 997 \n", encoding="ascii"
    )
    assert user_of(42, tmp_path) == ["--userspec=996:997", "--groups=996,997"]
    status.write_text("Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t \n", encoding="ascii")
    assert user_of(42, tmp_path) == ["--userspec=0:0", "--groups=0"]


def test_it_is_read_in_the_root_and_as_the_user_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def run(argv: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        assert (tmp_path / STAGED / NUMBERS.path).read_text(encoding="utf-8") == NUMBERS.text
        asked.append(argv)
        return subprocess.CompletedProcess(argv, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    check([NUMBERS], tmp_path, os.getpid())
    assert asked[0][: len(user_of(os.getpid())) + 2] == [
        "chroot",
        *user_of(os.getpid()),
        f"/proc/{os.getpid()}/root",
    ]
    assert not (tmp_path / STAGED).exists()


def test_what_lies_in_the_place_of_the_new_configuration_is_not_taken_for_ours(tmp_path: Path) -> None:
    """Kamailio's user may write beside it: a link of his must not lead root's files elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    router = tmp_path / "router"
    router.mkdir()
    (router / STAGED).symlink_to(elsewhere)
    with pytest.raises(FileExistsError):
        check([NUMBERS], router, os.getpid())
    assert list(elsewhere.iterdir()) == []


def test_what_was_written_after_the_start(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name, at in (
        ("kamailio.cfg", 1_000.5),
        ("media.cfg", 1_001.0),
        ("plain.re", 1_001.0),
        ("data/numbers", 2_000.0),
    ):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (at, at))
    # At 1010 s it has been up for 10 s: started in the second 1000.
    assert newer_than_start(tmp_path, 10, 1_010_900) == ["media.cfg", "plain.re"]


class _Silent:
    def call(self, *_: object) -> Any:
        raise RouterSilentError("silent")


def test_nobody_starts_it_again() -> None:
    clock = _Clock()
    control: Any = _Silent()
    with pytest.raises(NotBackError):
        restart(control, 2**22 - 1, monotonic=clock.monotonic, sleep=clock.sleep)
