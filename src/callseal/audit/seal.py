"""Verdicts that cannot be changed unnoticed: canonical JSON, a chain of SHA-256, Ed25519 (RFC 8032). All of it offline.

The signature covers the canonical form without itself. `chain` holds the verdict's number and the hash of the one before it, so a verdict that
is dropped, doubled or moved breaks the row. A folder also has `head.json`, signed like a verdict, which names the last one: without it nobody
can see that the end is missing.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from callseal.audit.canonical import Json, canonical
from callseal.observe.errors import Error

BEGINNING = "0" * 64
HEAD = "head.json"
_CONTEXT = b"callseal-verdict-v1\n"
"""Before every text that is signed, so that a signature means a verdict and nothing else."""


class SealError(Error):
    """A key or a verdict cannot be used."""

    id = "verdict_seal"


@dataclass(frozen=True, slots=True)
class Checked:
    """A row of verdicts that holds. `signer` is the public key (hex), "" when nothing is signed; `closed`: the end is proved too."""

    count: int
    signer: str
    closed: bool
    last: str


def new_key() -> bytes:
    """A private key, PEM."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def load_key(path: Path) -> Ed25519PrivateKey:
    """Reads a private key (PEM, PKCS 8). Raises `SealError`."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise SealError(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SealError(
            f"{path} is not a private key", advice="openssl genpkey -algorithm ed25519 -out FILE"
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise SealError(
            f"{path} is not an Ed25519 key", advice="openssl genpkey -algorithm ed25519 -out FILE"
        )
    return key


def load_public(path: Path) -> str:
    """The public key of a PEM file with either half, as hex. Raises `SealError`."""
    try:
        text = path.read_bytes()
        key = (
            load_pem_public_key(text)
            if b"PUBLIC KEY" in text
            else load_pem_private_key(text, password=None).public_key()
        )
    except OSError as error:
        raise SealError(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SealError(f"{path} is not a key") from None
    if not isinstance(key, Ed25519PublicKey):
        raise SealError(f"{path} is not an Ed25519 key")
    return _hex(key)


def digest(sealed: Json) -> str:
    """What the next verdict names: SHA-256 over all of this one, signature included."""
    return hashlib.sha256(canonical(sealed)).hexdigest()


def seal(verdict: Json, index: int, previous: str, key: Ed25519PrivateKey | None) -> Json:
    """The verdict with its place in the chain (the first is 1, after `BEGINNING`) and, with a key, its signature."""
    sealed = {name: value for name, value in verdict.items() if name not in ("chain", "signature")}
    sealed["chain"] = {"index": index, "previous": previous}
    if key is not None:
        sealed["signature"] = {
            "algorithm": "Ed25519",
            "key": _hex(key.public_key()),
            "value": key.sign(_CONTEXT + canonical(sealed)).hex(),
        }
    return sealed


def check(rows: Sequence[Json], *, head: Json | None = None, pinned: str = "") -> Checked:
    """Whether this row, from the first verdict on, is whole and unchanged. Raises `SealError` naming the first that is not.

    `pinned` is the public key (hex) that must have signed all of them.
    """
    if not rows:
        raise SealError("there is no verdict to verify")
    previous, signer = BEGINNING, ""
    for number, row in enumerate(rows, start=1):
        what = f"verdict {number}"
        chain = row.get("chain")
        if row.get("kind") != "callseal-verdict" or not isinstance(chain, dict):
            raise SealError(f"{what} is not a verdict of Callseal")
        by = _signer(row, what)
        if number == 1:
            signer = by
        if by != signer:
            raise SealError(f"{what} is signed by another key than the first")
        if chain.get("index") != number or chain.get("previous") != previous:
            raise SealError(
                f"{what} does not follow the one before it: a verdict is missing, doubled or in another place",
                advice="give all verdicts from the first on, in their order, or their folder",
            )
        previous = digest(row)
    if pinned and signer != pinned:
        raise SealError("the verdicts are signed by another key" if signer else "the verdicts are not signed")
    if head is not None:
        if _signer(head, HEAD) != signer:
            raise SealError(f"{HEAD} is signed by another key than the verdicts")
        if head.get("kind") != "callseal-verdicts" or (head.get("count"), head.get("last")) != (
            len(rows),
            previous,
        ):
            raise SealError(f"{HEAD} names another end: verdicts are missing at the end, or it was changed")
    return Checked(len(rows), signer, closed=head is not None, last=previous)


def _signer(row: Json, what: str) -> str:
    """The key (hex) whose signature holds; "" for an unsigned one. Raises `SealError` when it does not hold."""
    signature = row.get("signature")
    if signature is None:
        return ""
    try:
        in_form = set(signature) == {"algorithm", "key", "value"} and signature["algorithm"] == "Ed25519"
        # Hex has capitals too: a bit could be changed there without changing the number.
        in_form = in_form and all(
            bytes.fromhex(signature[name]).hex() == signature[name] for name in ("key", "value")
        )
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signature["key"]))
        body = {name: value for name, value in row.items() if name != "signature"}
        key.verify(bytes.fromhex(signature["value"]), _CONTEXT + canonical(body))
    except (InvalidSignature, ValueError, KeyError, TypeError):
        in_form = False
    if not in_form:
        raise SealError(f"{what} was changed: its signature does not hold")
    return str(signature["key"])


def _hex(key: Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


# -- files ---------------------------------------------------------------------------------------------------------


def read_verdict(path: Path) -> Json:
    """One file. It must be in canonical form, so that not one octet can differ unnoticed. Raises `SealError`."""
    try:
        text = path.read_bytes()
        value = json.loads(text)
    except OSError as error:
        raise SealError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise SealError(f"{path} is not JSON") from None
    if not isinstance(value, dict):
        raise SealError(f"{path} is not a verdict of Callseal")
    try:
        same = canonical(value) + b"\n" == text
    except ValueError:
        same = False
    if not same:
        raise SealError(f"{path} was changed: it is not in canonical form")
    return value


def verdict_files(folder: Path) -> list[Path]:
    """The verdicts of a folder in the order of their names, which begin with their number."""
    return sorted(path for path in folder.glob("*.json") if path.name != HEAD)


def check_paths(paths: Iterable[Path], *, pinned: str = "") -> Checked:
    """Verifies files in the order given, or one folder with its head. Raises `SealError`."""
    given = list(paths)
    if len(given) == 1 and given[0].is_dir():
        files, head = verdict_files(given[0]), given[0] / HEAD
        if not head.exists():
            raise SealError(f"{given[0]} has no {HEAD}: whether the last verdicts are there cannot be known")
        return check([read_verdict(path) for path in files], head=read_verdict(head), pinned=pinned)
    return check([read_verdict(path) for path in given], pinned=pinned)


class VerdictFolder:
    """A folder of verdicts to which more are added. What is there already is verified first. Raises `SealError`."""

    def __init__(self, folder: Path, key: Ed25519PrivateKey | None) -> None:
        self._folder, self._key = folder, key
        folder.mkdir(parents=True, exist_ok=True)
        self._count, self._last = 0, BEGINNING
        if verdict_files(folder) or (folder / HEAD).exists():
            there = check_paths([folder], pinned=_hex(key.public_key()) if key else "")
            if key is None and there.signer:
                raise SealError(
                    f"the verdicts in {folder} are signed, this one would not be", advice="give --sign KEY"
                )
            self._count, self._last = there.count, there.last

    def add(self, verdict: Json) -> tuple[Path, Json]:
        """Seals and writes one verdict, and the new head. Returns its file and what was written."""
        sealed = seal(verdict, self._count + 1, self._last, self._key)
        self._count, self._last = self._count + 1, digest(sealed)
        name = "".join(one if one.isalnum() or one in "-_." else "_" for one in verdict["call"]["name"])[:60]
        path = self._folder / f"{self._count:06}-{name}.json"
        _write(path, sealed)
        head: Json = {"kind": "callseal-verdicts", "count": self._count, "last": self._last}
        if self._key is not None:
            head["signature"] = {
                "algorithm": "Ed25519",
                "key": _hex(self._key.public_key()),
                "value": self._key.sign(_CONTEXT + canonical(head)).hex(),
            }
        _write(self._folder / HEAD, head)
        return path, sealed


def _write(path: Path, value: Json) -> None:
    """Never half a file."""
    aside = path.with_name(f".{path.name}.new")
    with aside.open("wb") as sink:
        sink.write(canonical(value) + b"\n")
        sink.flush()
        os.fsync(sink.fileno())
    aside.replace(path)
