"""What this machine says about the files that a deployment names: secrets, and the certificates of [tls]."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from callseal.deployment.edges import Tls
from callseal.deployment.lines import Path
from callseal.deployment.model import Deployment
from callseal.deployment.rules.raw import Finding
from callseal.deployment.secrets import Secret, SecretError

MIN_KEY_LENGTH = 16
"""Characters of a signing or bearer key: 80 bits and more, however it is written down."""
_CRL = re.compile(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----\s*", re.DOTALL)


def secrets(deployment: Deployment) -> list[Finding]:
    """What is wrong with the secrets themselves; none of them is in a message."""
    findings = []
    for path, secret in deployment.secrets():
        findings += list(_secret(path, secret))
    return findings


def _secret(path: Path, secret: Secret) -> Iterator[Finding]:
    try:
        length = len(secret.reveal())
    except SecretError as error:
        if secret.variable is not None:
            yield Finding("CS043", path, error.message)
        elif secret.path is not None and secret.path.is_file() and secret.path.stat().st_size <= len("\r\n"):
            yield Finding("CS041", path, f"{secret} is empty")
        else:
            yield Finding("CS040", path, error.message)
        return
    is_key = path[-1] in ("edge_secret", "operator_secret") or path[0] == "signing"
    if is_key and length < MIN_KEY_LENGTH:
        yield Finding("CS041", path, f"{secret} has fewer than {MIN_KEY_LENGTH} characters")
    if secret.path is not None and secret.path.stat().st_mode & 0o077:
        yield Finding("CS042", path, f"{secret} has mode {secret.path.stat().st_mode & 0o777:o}")


def files(tls: Tls, now: datetime) -> Iterator[Finding]:
    """What is wrong with the certificate, its key and the authorities on this machine, at `now` (aware)."""
    keys: dict[str, bytes] = {}
    authorities: dict[x509.Name, str] = {}
    for name in ("certificate", "private_key", "ca"):
        file = getattr(tls, name)
        try:
            data = file.read_bytes()
            if name == "private_key":
                keys[name] = _public(serialization.load_pem_private_key(data, password=None).public_key())
                if file.stat().st_mode & 0o077:
                    yield Finding("CS042", ("tls", name), f"{file} has mode {file.stat().st_mode & 0o777:o}")
                continue
            certificates = x509.load_pem_x509_certificates(data)
        except OSError as error:
            yield Finding("CS064", ("tls", name), f"{file}: {error.strerror}")
            continue
        except (ValueError, TypeError):
            yield Finding("CS064", ("tls", name), f"{file} does not hold what it should, in PEM")
            continue
        keys[name] = _public(certificates[0].public_key())
        if name == "ca":
            authorities |= {one.subject: name for one in certificates}
        for one in certificates:
            if one.not_valid_after_utc <= now:
                until = f"{one.not_valid_after_utc:%Y-%m-%d}"
                yield Finding(
                    "CS064", ("tls", name), f"{one.subject.rfc4514_string()} has expired on {until}"
                )
    if "certificate" in keys and "private_key" in keys and keys["certificate"] != keys["private_key"]:
        yield Finding("CS064", ("tls", "private_key"), "the key is not that of the certificate")
    if tls.crl:
        yield from _lists(tls, authorities, now)


def _lists(tls: Tls, authorities: dict[x509.Name, str], now: datetime) -> Iterator[Finding]:
    """Revocation lists: OpenSSL takes nobody whose authority has no list, or an old one."""
    listed = set()
    for index, file in enumerate(tls.crl):
        place = ("tls", "crl", index)
        try:
            lists = [x509.load_pem_x509_crl(found) for found in _CRL.findall(file.read_bytes())]
        except OSError as error:
            yield Finding("CS064", place, f"{file}: {error.strerror}")
            return
        except ValueError:
            lists = []
        if not lists:
            yield Finding("CS064", place, f"{file} holds no revocation list, in PEM")
            return
        for one in lists:
            listed.add(one.issuer)
            if one.next_update_utc is not None and one.next_update_utc <= now:
                until = f"{one.next_update_utc:%Y-%m-%d}"
                yield Finding(
                    "CS064", place, f"the list of {one.issuer.rfc4514_string()} was to be renewed by {until}"
                )
    for authority, name in authorities.items():
        if authority not in listed:
            yield Finding("CS064", ("tls", name), f"{authority.rfc4514_string()} has no list in crl")


def _public(key: object) -> bytes:
    encoded: bytes = key.public_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded
