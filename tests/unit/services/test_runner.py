"""Exit codes, and what a wrong configuration may say of itself. Serving and signals: tests/integration/sandbox."""

from __future__ import annotations

import json
import logging
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from callseal.services import runner

pytestmark = pytest.mark.unit


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    listen: runner.Listen

    @classmethod
    def read(cls, path: Path) -> Settings:
        return cls.model_validate(runner.read_toml(path))


class OwnError(Exception):
    pass


@pytest.fixture(autouse=True)
def this_process_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    root = logging.getLogger()
    logs, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = logs, level
    for number, handler in handlers.items():
        signal.signal(number, handler)


def started(tmp_path: Path, text: str, outcome: bool | Exception = True) -> int:
    async def serve(_settings: Settings) -> bool:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    config = tmp_path / "some.toml"
    config.write_text(text)
    return runner.run_sandbox(
        "some", "a service", Settings.read, serve, OwnError, argv=["--config", str(config)]
    )


GOOD = 'listen = "127.88.0.33:8033"\n'


def test_served_to_the_end_is_0(tmp_path: Path) -> None:
    assert started(tmp_path, GOOD) == 0


def test_what_never_came_up_is_1(tmp_path: Path) -> None:
    assert started(tmp_path, GOOD, False) == 1


@pytest.mark.parametrize("error", [OSError("in use"), OverflowError("port"), OwnError("no phone")])
def test_a_known_failure_is_1_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    assert started(tmp_path, GOOD, error) == 1
    told = json.loads(capsys.readouterr().err)
    assert (told["event"], told["error"]) == ("cannot_start", str(error))


def test_an_unknown_failure_is_not_hidden(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        started(tmp_path, GOOD, ZeroDivisionError())


@pytest.mark.parametrize("text", ["listen =\n", 'listen = "here"\n', f'{GOOD}api_key = "hunter2"\n'])
def test_a_wrong_file_is_2_and_its_values_are_not_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    assert started(tmp_path, text) == 2
    told = capsys.readouterr().err
    assert json.loads(told)["event"] == "bad_configuration"
    assert "hunter2" not in told
    assert "here" not in told


def test_a_listen_address_is_taken_apart() -> None:
    assert runner.pair("127.88.0.33:8033") == ("127.88.0.33", 8033)


def test_the_level_of_the_log_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(runner.LOG_LEVEL, raising=False)
    runner.logger("desk")
    assert capsys.readouterr().err == ""
    monkeypatch.setenv(runner.LOG_LEVEL, "debug")
    runner.logger("desk")
    assert '"debugging"' in capsys.readouterr().err
    monkeypatch.setenv(runner.LOG_LEVEL, "loud")
    with pytest.raises(SystemExit) as ended:
        runner.logger("desk")
    assert ended.value.code == 2
    assert "CALLSEAL_LOG_LEVEL" in capsys.readouterr().err
