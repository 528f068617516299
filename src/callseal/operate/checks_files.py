"""Checks of what lies on the edge's disk: secrets, rendered data, certificates, room."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from pydantic import BaseModel

from callseal.deployment import Deployment, Secret, SecretError
from callseal.operate.finding import Finding, fail, ok, warn
from callseal.operate.patient import Patient
from callseal.operate.rendered import differences, planned
from callseal.render import SEEN_AT

DAY_MS = 86_400_000
EXPIRY_WARN_DAYS = 30
EXPIRY_FAIL_DAYS = 7
ROOM_WARN = 512 * 1024 * 1024
ROOM_FAIL = 64 * 1024 * 1024


def secrets(patient: Patient) -> Iterator[Finding]:
    """What this edge needs must be readable; whatever lies here must be its owner's alone."""
    deployment = patient.deployment
    needed = {deployment.signing.current.secret, deployment.desk.edge_secret}
    if deployment.signing.previous is not None:
        needed.add(deployment.signing.previous.secret)
    wrong = 0
    for _, secret in deployment.secrets():
        for finding in _secret(secret, secret in needed):
            wrong += 1
            yield finding
    for path in _tls_files(deployment, within=False):
        if path.exists() and path.stat().st_mode & 0o077 and b"PRIVATE KEY" in path.read_bytes():
            wrong += 1
            yield fail("secrets", f"{path} is a private key that others may read", f"chmod 600 {path}")
    if not wrong:
        yield ok("secrets", "secrets are readable, and by their owner only")


def _secret(secret: Secret, needed: bool) -> Iterator[Finding]:
    if needed:
        try:
            secret.reveal()
        except SecretError as error:
            yield fail(
                "secrets",
                error.message,
                "Bring it back from where it was made: a new one, which `callseal keys` would make, is unknown to all others.",
            )
            return
    if secret.path is not None and secret.path.exists():
        mode = stat.S_IMODE(secret.path.stat().st_mode)
        if mode & 0o077:
            yield fail(
                "secrets", f"{secret.path} has mode {mode:04o}: others may use it", f"chmod 600 {secret.path}"
            )


def rendered(patient: Patient, seen_at: str = SEEN_AT) -> Iterator[Finding]:
    """Drift: is what Kamailio reads what the deployment says?"""
    try:
        files = planned(patient.deployment, patient.edge.id, seen_at)
        found = list(differences(files, patient.router))
    except SecretError as error:
        yield fail("rendered", error.message, error.advice)
        return
    except OSError as error:
        yield fail("rendered", f"{patient.router} cannot be read: {error.strerror}", "Run this as root.")
        return
    if [one.why for one in found] == ["missing"] * len(files):
        yield fail(
            "rendered",
            f"{patient.router} has nothing that was rendered",
            "Say where Kamailio reads it (--router DIR), or write it (`callseal render`).",
        )
        return
    for difference in found:
        yield fail(
            "rendered",
            f"{patient.router / difference.path} is {difference.why}",
            "Remove it."
            if difference.file is None
            else "`callseal reload` writes and applies what the deployment says.",
        )
    if not found:
        yield ok("rendered", f"{patient.router} is what the deployment says")


def certificates(patient: Patient) -> Iterator[Finding]:
    """Every PEM certificate that the deployment's TLS tables name."""
    paths = sorted(set(_tls_files(patient.deployment, within=False)))
    for path in paths:
        try:
            chain = x509.load_pem_x509_certificates(path.read_bytes())
        except OSError as error:
            yield fail(
                "certificates",
                f"{path} cannot be read: {error.strerror}",
                "Put the file there, or run as root.",
            )
            continue
        except ValueError:
            continue  # a key, or a list of revocations
        yield _validity(path, chain, patient.now_ms())
    if not paths:
        yield ok("certificates", "the deployment names no certificate")


def _validity(path: Path, chain: list[x509.Certificate], now_ms: int) -> Finding:
    ends = min(certificate.not_valid_after_utc for certificate in chain)
    begins = max(certificate.not_valid_before_utc for certificate in chain)
    days = (ends.timestamp() * 1000 - now_ms) / DAY_MS
    advice = "Put a new one in its place and run `callseal reload`."
    if begins.timestamp() * 1000 > now_ms:
        return fail(
            "certificates", f"{path} is not valid before {begins:%Y-%m-%d}", "Look at this host's clock."
        )
    if days < 0:
        return fail("certificates", f"{path} expired on {ends:%Y-%m-%d}", advice)
    text = f"{path} expires on {ends:%Y-%m-%d}, in {days:.0f} days"
    if days < EXPIRY_FAIL_DAYS:
        return fail("certificates", text, advice)
    return warn("certificates", text, advice) if days < EXPIRY_WARN_DAYS else ok("certificates", text)


def _tls_files(value: object, *, within: bool) -> Iterator[Path]:
    """Paths anywhere under a table or key whose name says TLS."""
    if isinstance(value, Path) and within:
        yield value
    elif isinstance(value, Deployment | BaseModel):
        for name in type(value).model_fields:
            yield from _tls_files(getattr(value, name), within=within or "tls" in name)
    elif isinstance(value, tuple):
        for item in value:
            yield from _tls_files(item, within=within)


def room(patient: Patient) -> Iterator[Finding]:
    """The spool must be able to take hand-offs, and logs to be written."""
    for path in (patient.router, *patient.state):
        if not path.exists():
            continue
        disk = os.statvfs(path)
        free = disk.f_bavail * disk.f_frsize
        yield _room(path, free)


def _room(path: Path, free: int) -> Finding:
    text = f"{path}: {free // (1024 * 1024)} MiB free"
    advice = "Make room: without it no hand-off can be kept, and calls come without payments."
    if free < ROOM_FAIL:
        return fail("room", text, advice)
    return warn("room", text, advice) if free < ROOM_WARN else ok("room", text)
