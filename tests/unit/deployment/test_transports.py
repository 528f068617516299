"""The files of [tls], as this machine sees them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from callseal.deployment import Tls
from callseal.deployment.this_machine import files
from callseal.lab.authority import Authority

pytestmark = pytest.mark.unit
NOW = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    Authority.at(tmp_path, "an authority", NOW).issue("edge.example.net", now=NOW).write(tmp_path, "edge")
    return Tls(certificate=tmp_path / "edge.pem", private_key=tmp_path / "edge.key", ca=tmp_path / "ca.pem")


def told(tls: Tls, now: datetime = NOW) -> list[tuple[str, object, str]]:
    return [(finding.id, finding.path[-1], finding.message) for finding in files(tls, now)]


def test_good_files(tls: Tls) -> None:
    assert told(tls) == []


def test_an_expired_certificate(tls: Tls) -> None:
    ((id_, where, message),) = told(tls, NOW + timedelta(days=91))
    assert (id_, where) == ("CS064", "certificate")
    assert "edge.example.net has expired on 2026-09-29" in message


@pytest.mark.parametrize(
    ("name", "spoil", "id_"),
    [
        ("certificate", lambda path: path.unlink(), "CS064"),
        ("certificate", lambda path: path.write_bytes(b"no PEM"), "CS064"),
        ("ca", lambda path: path.write_bytes(b""), "CS064"),
        ("private_key", lambda path: path.write_bytes(b"\xff"), "CS064"),
        ("private_key", lambda path: path.chmod(0o640), "CS042"),
    ],
)
def test_a_spoilt_file(tls: Tls, name: str, spoil: Callable[[Path], object], id_: str) -> None:
    spoil(getattr(tls, name))
    assert [(one, where) for one, where, _ in told(tls)] == [(id_, name)]


def test_a_key_of_another_certificate(tls: Tls) -> None:
    other = Authority.new("x", NOW).issue("edge.example.net", now=NOW)
    tls.private_key.write_bytes(other.key)
    assert told(tls) == [("CS064", "private_key", "the key is not that of the certificate")]


def test_revocation_lists(tls: Tls, tmp_path: Path) -> None:
    authority, other = Authority.at(tmp_path, "", NOW), Authority.new("another", NOW)
    lists = tmp_path / "crl.pem"
    with_list = tls.model_copy(update={"crl": (lists,)})
    assert told(with_list)[0][1] == 0, "missing"
    lists.write_bytes(b"no PEM")
    assert "holds no revocation list" in told(with_list)[0][2]
    lists.write_bytes(authority.revoke(now=NOW))
    assert told(with_list) == []
    assert "was to be renewed by 2026-09-29" in told(with_list, NOW + timedelta(days=90, minutes=1))[-1][2]
    lists.write_bytes(other.revoke(now=NOW))
    assert told(with_list) == [("CS064", "ca", "CN=an authority has no list in crl")]
    lists.write_bytes(authority.revoke(now=NOW) + other.revoke(now=NOW))
    assert told(with_list) == []
