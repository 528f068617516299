"""What a user sees: words and a status, never a traceback."""

from __future__ import annotations

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
