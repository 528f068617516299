"""The lab's authority: made once, keys for their owner only, certificates that OpenSSL takes."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callseal.lab.authority import Authority
from callseal.lab.block import Block
from callseal.lab.encryption import FACES, make_certificates

pytestmark = pytest.mark.unit
NOW = datetime(2026, 7, 1, tzinfo=UTC)


def test_everything_is_made_once_and_keys_are_private(tmp_path: Path) -> None:
    make_certificates(tmp_path, Block(), NOW)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(made) == {f"{name}.{kind}" for name in ("ca", "edge", *FACES) for kind in ("pem", "key")}
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in tmp_path.glob("*.key"))
    make_certificates(tmp_path, Block(), NOW)
    assert made == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_openssl_takes_it(tmp_path: Path) -> None:
    Authority.at(tmp_path, "authority", NOW).issue("edge.example.net", now=NOW).write(tmp_path, "edge")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "edge.pem", tmp_path / "edge.key")
    context.load_verify_locations(tmp_path / "ca.pem")
    assert context.cert_store_stats()["x509_ca"] == 1
