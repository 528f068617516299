"""Exit codes, and what a wrong configuration may say of itself. Serving: tests/integration/sandbox; signals: test_stopping."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict
from starlette.applications import Starlette
from starlette.types import ASGIApp

from callseal.services import runner
from callseal.services.startup import bind

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
    root = logging.getLogger()
    logs, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = logs, level


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


def come_up(
    app: ASGIApp, address: tuple[str, int], capsys: pytest.CaptureFixture[str]
) -> list[dict[str, object]]:
    """What a service logs that does not come up, and says with status 1."""
    log = runner.logger("some")
    assert runner.run(runner.serve(app, address, log), log) == 1
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def broken(error: Exception | None) -> Starlette:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        if error is not None:
            raise error
        yield

    return Starlette(lifespan=lifespan)


def test_a_port_in_use_is_one_sentence_and_1(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = come_up(Starlette(), ("127.0.0.1", port), capsys)
    assert [(one["event"], one["error"]) for one in told] == [
        ("cannot_start", f"cannot listen on 127.0.0.1:{port}: Address already in use")
    ]


def test_a_name_is_listened_on_where_the_host_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """`localhost` is two addresses; a host without IPv6 has one of them."""
    theirs = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::50", 0, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: theirs)
    (one,) = bind(("localhost", 0))
    with one:
        assert one.getsockname()[0] == "127.0.0.1"
    del theirs[1]
    with pytest.raises(OSError, match=r"cannot listen on localhost:0: (Cannot assign|Address family)"):
        bind(("localhost", 0))


def test_a_name_that_is_none_is_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    told = come_up(Starlette(), ("nobody.invalid", 8050), capsys)
    assert str(told[0]["error"]).startswith("cannot listen on nobody.invalid:8050: ")


def test_an_application_that_cannot_begin_is_a_sentence_and_no_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = come_up(broken(OSError("no room for the spool")), ("127.0.0.1", 0), capsys)
    assert told[-1]["error"] == "no room for the spool"
    assert not any("Traceback" in str(one["event"]) for one in told)


def test_a_bug_at_the_beginning_is_not_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError):
        come_up(broken(ZeroDivisionError()), ("127.0.0.1", 0), capsys)


def test_when_ready_the_collector_has_put_aside_what_the_beginning_made() -> None:
    class ReadyError(Exception):
        pass

    class Log:
        def info(self, event: str) -> None:
            assert event == "ready"
            raise ReadyError

        def critical(self, event: str, **_: object) -> None:
            raise AssertionError(event)

    before = gc.get_freeze_count()
    try:
        with pytest.raises(ReadyError):
            asyncio.run(runner.serve(Starlette(), ("127.0.0.1", 0), Log()))
        assert gc.get_freeze_count() > before + 1_000
    finally:
        gc.unfreeze()
