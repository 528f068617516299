"""Going back to an older version: what a newer one has written is refused in one sentence, and stays as it was."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from callseal.edge.state_file import MIGRATIONS, open_state
from callseal.services import desk, edge
from callseal.stores.sqlite.database import migrations, open_database

pytestmark = pytest.mark.unit

EXAMPLE = Path(__file__).parents[3] / "examples/sandbox.toml"
NEWER = "a row of a newer version"


def as_desk(folder: Path) -> tuple[Path, int, Callable[[], int]]:
    """The state file, the schema that this version knows, and the start of the service."""
    file = folder / "state" / "desk.sqlite3"
    open_database(file).close()
    return file, len(migrations()), lambda: desk.main(["--config", str(folder / "callseal.toml")])


def as_edge(folder: Path) -> tuple[Path, int, Callable[[], int]]:
    file = folder / "state" / "edge-1.sqlite3"
    open_state(file).close()
    argv = ["--config", str(folder / "callseal.toml"), "--edge", "edge-1"]
    return file, len(MIGRATIONS), lambda: edge.main(argv)


@pytest.mark.parametrize("service", [as_desk, as_edge])
def test_a_newer_state_is_refused_and_left_alone(
    service: Callable[[Path], tuple[Path, int, Callable[[], int]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in (
        "callseal.services.runner.logger",
        "resource.setrlimit",
        "os.umask",
        "sys.setswitchinterval",
    ):
        monkeypatch.setattr(name, lambda *_: None)
    text = EXAMPLE.read_text(encoding="utf-8")
    (tmp_path / "secrets").mkdir(mode=0o700)
    for name in re.findall(r"file:(secrets/[\w-]+)", text):
        (tmp_path / name).write_text("whsec_c2VjcmV0c2VjcmV0c2VjcmV0")
        (tmp_path / name).chmod(0o600)
    (tmp_path / "callseal.toml").write_text(text, encoding="utf-8")
    file, known, start = service(tmp_path)
    with closing(sqlite3.connect(file, isolation_level=None)) as newer:
        newer.execute("CREATE TABLE of_tomorrow (text TEXT)")
        newer.execute("INSERT INTO of_tomorrow VALUES (?)", (NEWER,))
        newer.execute(f"PRAGMA user_version={known + 1}")
    before = file.read_bytes()
    with capture_logs() as logs:
        assert start() == 1
    (said,) = [str(line["error"]) for line in logs if line["event"] == "cannot_start"]
    assert said.startswith(
        f"{file} was written by a newer version of Callseal (schema {known + 1}, this one knows {known})"
    )
    assert "docs/how-to/upgrade.md" in said
    assert file.read_bytes() == before
    with closing(sqlite3.connect(file)) as newer:
        assert newer.execute("SELECT text FROM of_tomorrow").fetchall() == [(NEWER,)]
