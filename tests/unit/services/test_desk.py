"""A deployment becomes the desk's settings, and no secret shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from callseal.deployment import read
from callseal.services.desk import desk_parts, listening, main

pytestmark = pytest.mark.unit

EXAMPLE = Path(__file__).parents[3] / "examples/sandbox.toml"


@pytest.fixture(autouse=True)
def this_process_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.umask", lambda _mask: 0)
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)
    monkeypatch.setattr("callseal.services.runner.logger", lambda _service: None)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    text = EXAMPLE.read_text(encoding="utf-8")
    (tmp_path / "secrets").mkdir(mode=0o700)
    for name in re.findall(r"file:(secrets/[\w-]+)", text):
        secret = tmp_path / name
        secret.write_text(
            "whsec_c2VjcmV0c2VjcmV0c2VjcmV0" if "webhook" in name else f"secret-of-{Path(name).name}"
        )
        secret.chmod(0o600)
    path = tmp_path / "callseal.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example_becomes_settings(config: Path) -> None:
    parts = desk_parts(read(config))
    assert parts.desk.url == "http://127.88.0.50:8050"
    assert [(agent.login, agent.tenant) for agent in parts.desk.agents] == [
        ("alice", "acme"),
        ("bob", "globex"),
    ]
    assert parts.desk.currencies == ("GBP", "EUR", "USD")
    assert parts.partners["sandbox"].url == "http://127.88.0.30:8030"
    assert parts.platform.url == "http://127.88.0.41:8041/events"
    assert parts.edges == {"edge-1": "http://127.88.0.22:8022"}
    assert parts.store == config.parent / "state/desk.sqlite3"
    limits = parts.desk.limits
    assert (limits.secure, limits.restore, limits.field, limits.overall) == (3_000, 3_000, 120_000, 300_000)
    assert limits.restore_again < limits.hold
    assert not parts.desk.secure_cookies
    shown = repr(parts)
    assert "secret-of" not in shown
    assert "whsec" not in shown


def test_a_short_hold_is_renewed_in_time(config: Path) -> None:
    config.write_text(config.read_text().replace("hold_ttl_ms = 10000", "hold_ttl_ms = 4000"))
    limits = desk_parts(read(config)).desk.limits
    assert (limits.hold, limits.restore_again) == (4_000, 2_000)


def test_a_wrong_deployment_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "callseal.toml"
    path.write_text("schema = 2")
    assert main(["--config", str(path)]) == 2
    assert "callseal.toml" in capsys.readouterr().err


def test_demo_mode_needs_a_place_for_its_links(config: Path) -> None:
    with pytest.raises(SystemExit):
        main(["--config", str(config), "--demo"])
    with pytest.raises(SystemExit):
        main(["--config", str(config), "--demo-links", "x"])


@pytest.mark.parametrize(
    ("url", "chosen", "address"),
    [
        ("http://127.88.0.50:8050", None, ("127.88.0.50", 8050)),
        ("http://desk.example.net", None, ("desk.example.net", 80)),
        ("https://desk.example.net", "127.0.0.1:8050", ("127.0.0.1", 8050)),
        ("https://desk.example.net", "[::1]:8050", ("::1", 8050)),
    ],
)
def test_where_the_desk_listens(url: str, chosen: str | None, address: tuple[str, int]) -> None:
    assert listening(url, chosen) == address


@pytest.mark.parametrize(
    "chosen", ["8050", ":8050", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:8²", "127.0.0.1:70000"]
)
def test_a_wrong_listen_is_2(config: Path, capsys: pytest.CaptureFixture[str], chosen: str) -> None:
    assert main(["--config", str(config), "--listen", chosen]) == 2
    assert "ADDRESS:PORT" in capsys.readouterr().err


def test_behind_tls_the_desk_does_not_pretend_to_speak_it(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(
        config.read_text().replace('url = "http://127.88.0.50:8050"', 'url = "https://desk.example.net"')
    )
    assert main(["--config", str(config)]) == 2
    assert "--listen 127.0.0.1:8050" in capsys.readouterr().err
