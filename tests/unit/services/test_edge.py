"""From the deployment to the agent's settings, and a start that fails in a sentence."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from callseal.deployment import read
from callseal.services.edge import edge_settings, main

pytestmark = pytest.mark.unit

EXAMPLE = Path(__file__).parents[3] / "examples" / "sandbox.toml"


def deployment_file(folder: Path, *changes: tuple[str, str]) -> Path:
    text = EXAMPLE.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "secrets").mkdir()
    (folder / "secrets" / "edge-secret").write_text("a secret of thirty-two characters\n", encoding="utf-8")
    file = folder / "callseal.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_example(tmp_path: Path) -> None:
    settings = edge_settings(read(deployment_file(tmp_path)), "edge-1", tmp_path / "state")
    assert settings.http == ("127.88.0.22", 8022)
    assert settings.datagrams == ("127.88.0.22", 8023)
    assert settings.peers == {"127.88.0.20", "127.88.0.22", "127.0.0.1", "::1"}
    assert (settings.nodes, settings.own_node) == ({"1": ("127.88.0.21", 2223)}, "1")  # as Kamailio says it
    assert settings.media.partner == (ip_network("127.88.0.31"),)
    assert settings.media.home == (ip_network("127.88.0.21"),)
    assert settings.media.platform == (ip_network("127.88.0.40"),)
    assert (settings.anchors, settings.fence, settings.hold_ttl_ms) == ("two", "events", 10_000)
    assert settings.secret == "a secret of thirty-two characters"
    assert settings.secret not in repr(settings)


def test_the_unsafe_switches_reach_the_agent(tmp_path: Path) -> None:
    file = deployment_file(
        tmp_path, ('fence = "events"', 'fence = "unsafe-off"'), ('anchors = "two"', 'anchors = "one"')
    )
    settings = edge_settings(read(file), "edge-1", tmp_path / "state")
    assert (settings.anchors, settings.fence) == ("one", "unsafe-off")


def test_anchors_that_the_file_does_not_say_are_the_routers(tmp_path: Path) -> None:
    shown = ('fence = "events"', 'fence = "events"\ntopology = "shown"')
    deployment = read(deployment_file(tmp_path, ('anchors = "two"', ""), shown))
    assert edge_settings(deployment, "edge-1", tmp_path / "state").anchors == "one"


@pytest.mark.parametrize("edge", ["edge-9", None])
def test_a_wrong_start_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, edge: str | None
) -> None:
    monkeypatch.setattr("callseal.services.runner.logger", lambda _service: None)
    monkeypatch.setattr("resource.setrlimit", lambda _what, _limits: None)
    monkeypatch.setattr("os.umask", lambda _mask: 0)
    file = deployment_file(tmp_path)
    if edge is None:
        file.unlink()
    assert main(["--config", str(file), *(["--edge", edge] if edge else [])]) == 2
    told = capsys.readouterr().err
    assert ("edge-1" if edge else str(file)) in told
    assert "Traceback" not in told
