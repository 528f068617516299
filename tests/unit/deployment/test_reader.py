"""Files that cannot be read, and what this machine says about secrets."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from callseal.deployment import DeploymentError, examine, read

pytestmark = pytest.mark.unit
GOOD = Path(__file__).parent / "museum" / "good.toml"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    for name in (
        "SIGNING_KEY",
        "PREVIOUS_SIGNING_KEY",
        "PARTNER_KEY",
        "PARTNER_WEBHOOK",
        "PLATFORM_WEBHOOK",
        "EDGE_SECRET",
        "ALICE",
    ):
        monkeypatch.setenv(name, f"a secret of enough length, {name}")

    def write(*changes: tuple[str, str]) -> Path:
        text = GOOD.read_text(encoding="utf-8")
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        file = tmp_path / "callseal.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def told(file: Path, *, secrets: bool = True) -> list[tuple[str, str]]:
    return [(fault.id, fault.where) for fault in examine(file, secrets=secrets).faults]


def secret(file: Path, text: str, mode: int = 0o600) -> None:
    path = file.parent / "edge-secret"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (fault,) = examine(tmp_path / "nothing.toml").faults
    assert (fault.id, fault.line, fault.message) == ("CS001", 1, "No such file or directory")
    with pytest.raises(DeploymentError, match="1 fault"):
        read(tmp_path / "nothing.toml")


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    file = tmp_path / "callseal.toml"
    file.write_bytes(b"name = '\xff'")
    (fault,) = examine(file).faults
    assert (fault.id, fault.message) == ("CS001", "byte 8 is not UTF-8")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\nb = \nc = 2", 2),
        ("a = 1\na = 2", 2),
        ("a = [1,\n\n", 2),
        ('a = "', 1),
        ("\n\n[a\n", 3),
        ("a = " + "[" * 5000, 1),
    ],
)
def test_syntax_errors_have_a_line(tmp_path: Path, text: str, line: int) -> None:
    file = tmp_path / "callseal.toml"
    file.write_text(text, encoding="utf-8")
    (fault,) = examine(file).faults
    assert (fault.id, fault.line) == ("CS002", line)


def test_environment_secrets(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write()
    assert told(file) == []
    monkeypatch.delenv("ALICE")
    assert told(file) == [("CS043", "desk.agents[0].password")]
    assert examine(file, secrets=True).deployment is not None
    assert told(file, secrets=False) == []


def test_a_missing_secret_file_has_the_line_of_its_key(write: Write) -> None:
    file = write(("env:EDGE_SECRET", "file:edge-secret"))
    (fault,) = examine(file, secrets=True).faults
    assert (fault.id, fault.where) == ("CS040", "desk.edge_secret")
    assert "edge_secret" in file.read_text(encoding="utf-8").splitlines()[fault.line - 1]
    assert "callseal keys" in fault.advice
    assert examine(file).deployment is not None


@pytest.mark.parametrize(
    ("text", "mode", "ids"),
    [
        ("long enough to be a key\n", 0o600, []),
        ("long enough to be a key\n", 0o640, ["CS042"]),
        ("brief\n", 0o600, ["CS041"]),
        ("\n", 0o600, ["CS041"]),
        ("", 0o600, ["CS041"]),
    ],
)
def test_secret_files(write: Write, text: str, mode: int, ids: list[str]) -> None:
    file = write(("env:EDGE_SECRET", "file:edge-secret"))
    secret(file, text, mode)
    found = examine(file, secrets=True)
    assert [fault.id for fault in found.faults] == ids
    assert not text.strip() or all(text.strip() not in fault.message for fault in found.faults)


def test_only_keys_must_be_long(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALICE", "pw")
    assert told(write()) == []


def test_faults_come_in_the_order_of_the_file() -> None:
    lines = [fault.line for fault in examine(GOOD.parent / "ten_faults.toml").faults]
    assert lines == sorted(lines)


def test_a_fault_is_printed_as_compilers_do() -> None:
    (fault,) = examine(GOOD.parent / "cs012_transport_tls.toml").faults
    assert str(fault).endswith(
        "cs012_transport_tls.toml:36: CS012 transport-not-supported: SIP over TLS, and there is no [tls] table"
    )


def test_a_relative_path_works(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write()
    monkeypatch.chdir(file.parent)
    assert read(Path(file.name)).desk.store == file.parent / "state" / "desk.sqlite3"


def test_names_and_ipv6_are_at_home(write: Write) -> None:
    file = write(
        ("sip:10.1.0.5:5060", "sip:sbc.carrier.example"),
        ('["10.3.1.0/24"]', '["2001:db8:3::/48"]'),
        ('sip = "10.9.0.1:5060"', 'sip = "10.9.0.1:5060"\nsip6 = "[2001:db8:9::1]:5060"'),
        ('media = "10.9.1.1"', 'media = "10.9.1.1"\nmedia6 = "2001:db8:9::2"'),
        ("https://desk.example", "http://desk.internal:8050"),
    )
    assert told(file) == []
    edge = read(file).edges[0]
    assert str(edge.sip6) == "[2001:db8:9::1]:5060"
    assert [str(address) for address in read(file).media_addresses] == ["10.9.1.1", "2001:db8:9::2"]


def test_shutil_copy_of_the_example_is_good(tmp_path: Path) -> None:
    example = Path(__file__).parents[3] / "examples" / "sandbox.toml"
    assert examine(Path(shutil.copy(example, tmp_path))).faults == ()
