"""`callseal check`, `keys` and `render` on the example deployment."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from callseal.cli.main import app
from callseal.observe.errors import Error

pytestmark = pytest.mark.unit
EXAMPLE = Path(__file__).parents[3] / "examples" / "sandbox.toml"
MUSEUM = Path(__file__).parents[1] / "deployment" / "museum"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return Path(shutil.copy(EXAMPLE, tmp_path / "callseal.toml"))


def call(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def test_keys_make_the_example_good(file: Path) -> None:
    status, told = call("check", file)
    assert status == 1
    assert told.count("secrets/") == 8
    assert told.count("callseal keys FILE") == 1
    status, told = call("keys", file)
    assert status == 0
    assert told.count("created ") == 8
    status, told = call("check", file)
    assert (status, told.splitlines()[0]) == (0, f"{file}: good, 1 carrier, 3 numbers, 1 edge, 2 agents")
    assert told.splitlines()[1:] == [
        "  fence: events: the sound of keys is left to the partner; the mask of partner sandbox is checked (mask_checked)",
        "  anchors: two",
    ]
    assert call("keys", file) == (0, "nothing to create\n")


def test_a_key_is_named_once_in_a_line() -> None:
    for name in ("cs004_unknown_key_near_miss", "cs005_missing_desk", "cs008_timeout_of_an_hour_and_more"):
        _, told = call("check", MUSEUM / f"{name}.toml", "--no-secrets")
        said = told.splitlines()[1].split("  ")[2]
        assert said.count(said.split(" ")[0].rstrip(":")) == 1, said
    _, told = call("check", MUSEUM / "cs010_region_with_space.toml", "--no-secrets")
    assert "edges[0].region: “eu west” is not a name" in told


@pytest.mark.parametrize("checked", ["mask_checked = true", "# mask_checked = true"])
def test_the_fence_that_nobody_chose_is_told(file: Path, checked: str) -> None:
    call("keys", file)
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("fence = ", "# fence = ").replace("mask_checked = true", checked), "utf-8")
    _, told = call("check", file)
    policy, word = ("events", "is checked") if checked.startswith("mask") else ("tones", "is not checked")
    assert f"fence: {policy}, because the mask of partner sandbox {word}" in told


def test_the_anchors_that_nobody_chose_are_told(file: Path) -> None:
    call("keys", file)
    text = file.read_text(encoding="utf-8").replace('anchors = "two"', "")
    file.write_text(text, "utf-8")
    assert (
        "  anchors: two, because the partner would be shown 127.88.0.40, an inside address"
        in call("check", file)[1]
    )
    file.write_text(text.replace("hold_ttl_ms", 'topology = "shown"\nhold_ttl_ms'), "utf-8")
    assert "  anchors: one: the platform must send its audio from the address" in call("check", file)[1]


def test_created_secrets_are_private_and_of_the_right_form(file: Path) -> None:
    call("keys", file)
    folder = file.parent / "secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    made = {path.name: path.read_text(encoding="ascii") for path in folder.iterdir()}
    assert len(set(made.values())) == 8
    assert all((folder / name).stat().st_mode & 0o777 == 0o600 for name in made)
    assert {name for name, text in made.items() if text.startswith("whsec_")} == {
        "partner-webhook",
        "platform-webhook",
    }


def test_an_existing_secret_is_never_touched(file: Path) -> None:
    (file.parent / "secrets").mkdir()
    (file.parent / "secrets" / "edge-secret").write_text("mine, and long enough\n", encoding="ascii")
    call("keys", file)
    assert (file.parent / "secrets" / "edge-secret").read_text(encoding="ascii") == "mine, and long enough\n"


def test_faults_are_grouped_with_file_line_id_and_advice() -> None:
    file = MUSEUM / "ten_faults.toml"
    status, told = call("check", "--no-secrets", file)
    assert status == 1
    assert f"{file}:1" in told
    assert "CS012 transport-not-supported (error)" in told
    assert told.index("(error)") < told.index("(warning)")
    assert told.splitlines()[-1].endswith("9 errors, 1 warning")


def test_a_warning_is_told_and_passes(file: Path) -> None:
    file.write_text(file.read_text().replace('fence = "events"', 'fence = "unsafe-off"'))
    status, told = call("check", "--no-secrets", file)
    assert status == 0
    assert "CS036 fence-unsafe-off (warning)" in told
    assert "good" in told


def test_json(file: Path) -> None:
    status, told = call("check", "--json", file)
    assert status == 1
    faults = json.loads(told)
    assert faults[0]["id"] == "CS040"
    assert faults[0]["line"] == 7


def test_no_colour_without_a_terminal() -> None:
    assert "\x1b" not in call("check", "--no-secrets", MUSEUM / "ten_faults.toml")[1]


def test_render_writes_one_edge(file: Path, tmp_path: Path) -> None:
    call("keys", file)
    status, told = call("render", file, "--edge", "edge-1", "--out", tmp_path / "out")
    assert status == 0
    copied, *rendered = told.splitlines()
    written = [Path(line.removeprefix("wrote ")) for line in rendered]
    assert tmp_path / "out/data/numbers" in written
    assert all(path.is_file() for path in written)
    rest = {path for path in (tmp_path / "out").rglob("*") if path.is_file()} - set(written)
    assert copied.startswith(f"wrote {len(rest)} files into ")
    assert tmp_path / "out/kamailio.cfg" in rest


def test_render_knows_the_edges(file: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["render", str(file), "--edge", "edge-9", "--out", str(tmp_path)])
    assert isinstance(result.exception, Error)
    assert "edge-1" in result.exception.diagnostics()
