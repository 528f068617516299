"""How a running rtpengine was started, read from /proc."""

from __future__ import annotations

from pathlib import Path

import pytest

from callseal.operate.processes import Listener, listening, main_process, owner, rtpengine_options

pytestmark = pytest.mark.unit


def _process(proc: Path, *argv: str) -> None:
    (proc / "7").mkdir(parents=True)
    (proc / "7" / "cmdline").write_bytes("\0".join(("rtpengine", *argv, "")).encode())


def test_options_in_every_form(tmp_path: Path) -> None:
    _process(
        tmp_path,
        "--config-file=none",
        "--log-level=7",
        "--redis",
        "127.0.0.1:1",
        "-L",
        "6",
        "--homer=h:1",
        "--foreground",
    )
    options = rtpengine_options(tmp_path, 7)
    assert options["log-level"] == "6"
    assert options["redis"] == "127.0.0.1:1"
    assert options["homer"] == "h:1"
    assert options["foreground"] == ""


def test_options_of_the_configuration_file_in_its_own_root(tmp_path: Path) -> None:
    _process(tmp_path, "--config-file=/etc/r.conf", "--log-level=5")
    etc = tmp_path / "7" / "root" / "etc"
    etc.mkdir(parents=True)
    (etc / "r.conf").write_text(
        "[rtpengine]\nlog-level = 7\ndtmf-log-dest = 127.0.0.1:9\n[other]\nredis = x\n", encoding="utf-8"
    )
    options = rtpengine_options(tmp_path, 7)
    assert options["log-level"] == "5", "the command line wins"
    assert options["dtmf-log-dest"] == "127.0.0.1:9"
    assert "redis" not in options


def test_a_listener_on_every_address_serves_one(tmp_path: Path) -> None:
    found = [Listener("udp", "0.0.0.0", 2223, "1"), Listener("tcp", "127.0.0.1", 2224, "2")]
    everywhere = listening(found, "udp", ("127.88.0.21", 2223))
    assert everywhere is not None
    assert everywhere.everywhere
    assert listening(found, "tcp", ("127.88.0.21", 2224)) is None
    assert owner(tmp_path, "1") is None


def test_main_process_is_the_eldest_of_its_program(tmp_path: Path) -> None:
    for pid, parent, program in (
        (10, 1, "supervisor"),
        (20, 10, "kamailio"),
        (21, 20, "kamailio"),
        (22, 21, "kamailio"),
    ):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "cmdline").write_bytes(program.encode() + b"\0-DD\0")
        (tmp_path / str(pid) / "status").write_text(f"Name:\tx\nPPid:\t{parent}\n", encoding="utf-8")
    assert main_process(tmp_path, 22) == 20
    assert main_process(tmp_path, 20) == 20
