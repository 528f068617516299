"""What a user sees: words and a status, never a traceback."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from callseal import __version__
from callseal.cli import main
from callseal.observe.errors import Error

pytestmark = pytest.mark.unit


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["callseal", *arguments])
    with pytest.raises(SystemExit) as ended:
        main.run()
    return int(ended.value.code or 0)


def raising(error: BaseException) -> object:
    def app() -> None:
        raise error

    return app


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"callseal {__version__}\n"


def test_help_names_every_verb(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--help") == 0
    told = capsys.readouterr().out
    for verb in ("check", "keys", "render"):
        assert f"  {verb} " in told


def test_an_error_is_a_sentence_and_advice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main, "app", raising(Error("the fuse is blown", advice="Replace it.")))
    assert run(monkeypatch) == 1
    assert capsys.readouterr().err == "the fuse is blown\nReplace it.\n"


def test_a_bug_says_so_and_tells_no_data(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(main.DEBUG, raising=False)
    monkeypatch.setattr(main, "app", raising(RuntimeError("4242424242424242")))
    assert run(monkeypatch) == main.BUG_STATUS
    told = capsys.readouterr().err
    assert "bug in Callseal (RuntimeError)" in told
    assert "4242" not in told
    monkeypatch.setenv(main.DEBUG, "1")
    with pytest.raises(RuntimeError):
        main.run()


def test_control_c_is_not_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "app", raising(KeyboardInterrupt()))
    assert run(monkeypatch) == main.INTERRUPTED_STATUS


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
            "No space left on device\nMake room on that disk.\n",
        ),
        (
            OSError(errno.EACCES, os.strerror(errno.EACCES), "/etc/x"),
            "/etc/x: Permission denied\nRun this as root, or as the owner of the file.\n",
        ),
        (
            FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "/proc/x"),
            "/proc/x: No such file or directory\n",
        ),
    ],
)
def test_what_the_system_refuses_is_no_bug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: OSError, told: str
) -> None:
    monkeypatch.delenv(main.DEBUG, raising=False)
    monkeypatch.setattr(main, "app", raising(error))
    assert run(monkeypatch) == 1
    assert capsys.readouterr().err == told


def test_a_full_disk_ends_render_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    example = Path(__file__).parents[3] / "examples/sandbox.toml"
    assert run(monkeypatch, "render", str(example), "--desk", "--out", str(in_the_way / "out")) == 1
    told = capsys.readouterr().err
    assert "Not a directory" in told
    assert "bug" not in told


EXAMPLE = str(Path(__file__).parents[3] / "examples/sandbox.toml")
TWO_EDGES = """
[[edges]]
id = "edge-2"
region = "local"
server_id = 2
sip = "127.88.0.23:5060"
media = "127.88.0.24"
media_ports = "30000-39999"
ng = "127.88.0.24:2223"
agent = "http://127.88.0.25:8022"
events = "127.88.0.25:8023"
"""
CANARY = ("canary", "--customer", "c", "--agent", "a", "--login", "l", "--number", "+44", "--once")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("drain", EXAMPLE, "--edge", "edge-9"), "has no edge 'edge-9'"),
        (("doctor", EXAMPLE, "--edge", "edge-9"), "has no edge 'edge-9'"),
        (("render", EXAMPLE, "--edge", "edge-9", "--out", "x"), "Say --edge with one of: edge-1."),
        (("render", EXAMPLE, "--out", "x"), "say --edge ID or --desk"),
        ((*CANARY, EXAMPLE, "--edge", "edge-9"), "has no edge 'edge-9'"),
        (("audit", "live", "--agent", "here"), "'here' is not an IP address"),
        (("audit", "call.pcap", "--agent", "here"), "'here' is not an IP address"),
        (("record", "7", EXAMPLE), "'7' is not 32 hex digits"),
        (("record", "0" * 32, EXAMPLE, "--desk", "http://127.0.0.1:9"), "an agent is needed to ask a desk"),
        (("record", "0" * 32, EXAMPLE, "--desk", "http://127.0.0.1:9", "--login", "a"), "CALLSEAL_PASSWORD"),
    ],
)
def test_a_wrong_command_line_is_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    monkeypatch.delenv("CALLSEAL_PASSWORD", raising=False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert run(monkeypatch, *arguments) == 2
    assert told in capsys.readouterr().err


def test_one_of_two_edges_must_be_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "two.toml"
    file.write_text(Path(EXAMPLE).read_text(encoding="utf-8") + TWO_EDGES, encoding="utf-8")
    for verb in (("undrain",), CANARY):
        assert run(monkeypatch, *verb, str(file)) == 2
        assert (
            capsys.readouterr().err == f"which edge? {file} has 2\nSay --edge with one of: edge-1, edge-2.\n"
        )


def test_a_desk_that_is_not_there_is_said_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CALLSEAL_PASSWORD", "a password of its own")
    arguments = ("record", "0" * 32, EXAMPLE, "--desk", "http://127.0.0.1:9", "--login", "a")
    assert run(monkeypatch, *arguments) == 1
    told = capsys.readouterr().err
    assert "http://127.0.0.1:9 (Connection refused)" in told
    assert "may this host reach it?" in told


def test_a_record_that_is_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "record.json").write_text("[]", encoding="utf-8")
    assert run(monkeypatch, "audit", "call.pcap", "--record", str(tmp_path / "record.json")) == 2
    assert "is no call's record" in capsys.readouterr().err
