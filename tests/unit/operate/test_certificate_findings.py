"""Certificates, as `callseal doctor` sees them: days that are left, and where their files are named."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import BaseModel

from callseal.operate import checks_files
from callseal.operate.patient import Patient
from tests.unit.operate.patients import NOW, levels

pytestmark = pytest.mark.unit


Make = Callable[[str, int, int], Path]


@pytest.fixture
def make_certificate(tmp_path: Path) -> Make:
    """`make(name, first day, last day)`, days counted from NOW."""

    def make(name: str, first: int, last: int) -> Path:
        key = ec.generate_private_key(ec.SECP256R1())
        now = dt.datetime.fromtimestamp(NOW / 1000, dt.UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "edge.example.net")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + dt.timedelta(days=first))
            .not_valid_after(now + dt.timedelta(days=last))
            .sign(key, hashes.SHA256())
        )
        path = tmp_path / name
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path

    return make


@pytest.mark.parametrize(
    ("first", "last", "level"),
    [(-1, 90, "ok"), (-1, 20, "warn"), (-1, 3, "fail"), (-9, -1, "fail"), (1, 90, "fail")],
)
def test_certificates(make_certificate: Make, first: int, last: int, level: str) -> None:
    path = make_certificate("edge.pem", first, last)
    chain = x509.load_pem_x509_certificates(path.read_bytes())
    assert levels(checks_files._validity(path, chain, NOW)) == [level]


def test_certificate_files_are_found_in_tls_tables(make_certificate: Make) -> None:
    class Tls(BaseModel):
        certificate: Path
        cipher: str = "x"

    class Whole(BaseModel):
        store: Path
        tls: Tls

    path = make_certificate("edge.pem", -1, 90)
    whole = Whole(store=path.with_name("desk.sqlite3"), tls=Tls(certificate=path))
    assert list(checks_files._tls_files(whole, within=False)) == [path]


def test_a_certificate_that_is_not_there(who: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks_files, "_tls_files", lambda *_args, **_more: iter([Path("/nowhere/edge.pem")]))
    assert levels(*checks_files.certificates(who)) == ["fail"]
