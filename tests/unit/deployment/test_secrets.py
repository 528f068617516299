"""Secrets: read late, told never."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from callseal.deployment import Secret, SecretError

pytestmark = pytest.mark.unit


def test_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = Secret("env:CALLSEAL_TEST", Path())
    monkeypatch.delenv("CALLSEAL_TEST", raising=False)
    with pytest.raises(SecretError, match="env:CALLSEAL_TEST is empty or not set"):
        secret.reveal()
    monkeypatch.setenv("CALLSEAL_TEST", "value")
    assert secret.reveal() == "value"
    assert (secret.variable, secret.path) == ("CALLSEAL_TEST", None)


def test_a_file_is_read_when_asked_and_only_its_line_end_is_dropped(tmp_path: Path) -> None:
    secret = Secret("file:inner/key", tmp_path)
    with pytest.raises(SecretError, match="No such file") as error:
        secret.reveal()
    assert "callseal keys" in error.value.diagnostics()
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "key").write_text(" two words \r\n", encoding="utf-8")
    assert secret.reveal() == " two words "
    assert (secret.variable, secret.path) == (None, tmp_path / "inner" / "key")


def test_a_service_is_given_it_by_its_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd.exec(5), LoadCredential=: the file is root's, the credential its user's."""
    given = tmp_path / "credentials"
    given.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(given))
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "edge-secret").write_text("from the file\n", encoding="utf-8")
    secret = Secret("file:secrets/edge-secret", tmp_path)
    assert secret.reveal() == "from the file"
    (given / "secrets_edge-secret").write_text("from the unit\n", encoding="utf-8")
    assert secret.reveal() == "from the unit"
    assert secret.path == tmp_path / "secrets/edge-secret", "what operators look at stays"


def test_a_service_that_was_not_given_it_says_who_should_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", denied)
    with pytest.raises(SecretError, match="Permission denied") as caught:
        Secret("file:secrets/edge-secret", tmp_path).reveal()
    assert "LoadCredential=" in caught.value.advice


def test_an_absolute_path_stays(tmp_path: Path) -> None:
    assert Secret(f"file:{tmp_path}/key", Path("/elsewhere")).path == tmp_path / "key"


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff\xfe")
    with pytest.raises(SecretError, match="not UTF-8"):
        Secret("file:key", tmp_path).reveal()


@pytest.mark.parametrize("literal", ["hunter2", "", "env:", "file: ", "vault:x", "sk:live"])
def test_a_literal_is_refused_and_not_repeated(literal: str) -> None:
    with pytest.raises(ValueError, match=r"^a secret is written as env:NAME or file:path$"):
        Secret(literal, Path())


def test_it_never_shows_its_value(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("open sesame", encoding="utf-8")
    secret = Secret("file:key", tmp_path)
    assert secret.reveal() == "open sesame"
    assert repr(secret) == "Secret(file:key)"
    assert b"sesame" not in pickle.dumps(secret)
    assert pickle.loads(pickle.dumps(secret)) == secret
