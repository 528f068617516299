"""Verdicts that cannot be changed, dropped or moved unnoticed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from callseal.audit import seal
from callseal.audit.canonical import canonical
from callseal.audit.seal import SealError, VerdictFolder, check_paths, verdict_files

pytestmark = pytest.mark.unit


def verdict(name: str) -> dict[str, Any]:
    return {
        "kind": "callseal-verdict",
        "schema": 1,
        "call": {"name": name},
        "result": {"digits_to_agent": 0, "é": None},
    }


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "sign.pem"
    path.write_bytes(seal.new_key())
    return path


@pytest.fixture
def folder(tmp_path: Path, key: Path) -> Path:
    rows = VerdictFolder(tmp_path / "verdicts", seal.load_key(key))
    for name in ("one", "two", "three"):
        rows.add(verdict(name))
    return tmp_path / "verdicts"


def test_a_whole_folder_holds(folder: Path, key: Path) -> None:
    checked = check_paths([folder], pinned=seal.load_public(key))
    assert (checked.count, checked.closed, checked.signer) == (3, True, seal.load_public(key))
    assert check_paths(verdict_files(folder)).count == 3


def test_every_single_bit_of_a_verdict_counts(folder: Path) -> None:
    files = verdict_files(folder)
    for path in (files[1], folder / seal.HEAD):
        good = path.read_bytes()
        for place in range(len(good)):
            for bit in (place % 8, 5):  # 5 changes the case of a letter
                path.write_bytes(good[:place] + bytes([good[place] ^ 1 << bit]) + good[place + 1 :])
                with pytest.raises(SealError):
                    check_paths([folder])
        path.write_bytes(good)
    assert check_paths([folder]).count == 3


def test_a_changed_last_one_is_found_without_a_head(folder: Path) -> None:
    last = verdict_files(folder)[-1]
    good = last.read_bytes()
    for place in range(len(good)):
        last.write_bytes(good[:place] + bytes([good[place] ^ 0x20]) + good[place + 1 :])
        with pytest.raises(SealError):
            check_paths(verdict_files(folder))


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_dropped_one_is_found(folder: Path, which: int) -> None:
    verdict_files(folder)[which].unlink()
    with pytest.raises(SealError):
        check_paths([folder])


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 2, 1), (2, 1, 0), (0, 0, 1, 2), (1, 2), (0, 2)])
def test_another_order_is_found(folder: Path, order: tuple[int, ...]) -> None:
    files = verdict_files(folder)
    with pytest.raises(SealError, match="does not follow"):
        check_paths([files[place] for place in order])


def test_the_end_cannot_be_dropped_together_with_an_old_head(folder: Path, tmp_path: Path, key: Path) -> None:
    old = tmp_path / "old"
    shutil.copytree(folder, old)
    VerdictFolder(folder, seal.load_key(key)).add(verdict("four"))
    shutil.copy(old / seal.HEAD, folder / seal.HEAD)
    with pytest.raises(SealError, match="another end"):
        check_paths([folder])
    (folder / seal.HEAD).unlink()
    with pytest.raises(SealError, match=r"no head\.json"):
        check_paths([folder])


def test_another_key_is_found(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(seal.new_key())
    with pytest.raises(SealError, match="another key"):
        check_paths([folder], pinned=seal.load_public(other))
    with pytest.raises(SealError, match="another key"):
        VerdictFolder(folder, seal.load_key(other))
    files = verdict_files(folder)
    second = json.loads(files[1].read_bytes())
    forged = seal.seal(second, 2, second["chain"]["previous"], seal.load_key(other))
    files[1].write_bytes(canonical(forged) + b"\n")
    with pytest.raises(SealError, match="another key"):
        check_paths(files[:2])


def test_without_its_signature_it_is_another_verdict(folder: Path) -> None:
    files = verdict_files(folder)
    bare = json.loads(files[0].read_bytes())
    del bare["signature"]
    files[0].write_bytes(canonical(bare) + b"\n")
    with pytest.raises(SealError):
        check_paths([folder])


def test_unsigned_ones_are_chained_too(tmp_path: Path) -> None:
    rows = VerdictFolder(tmp_path / "bare", None)
    for name in "ab":
        rows.add(verdict(name))
    assert check_paths([tmp_path / "bare"]).signer == ""
    with pytest.raises(SealError, match="not signed"):
        check_paths([tmp_path / "bare"], pinned="00" * 32)
    verdict_files(tmp_path / "bare")[0].unlink()
    with pytest.raises(SealError):
        check_paths([tmp_path / "bare"])


def test_a_signed_folder_takes_no_unsigned_verdict(folder: Path) -> None:
    with pytest.raises(SealError, match="are signed"):
        VerdictFolder(folder, None)


def test_another_verdict_in_its_place_breaks_the_row_even_by_the_same_key(folder: Path, key: Path) -> None:
    first = verdict_files(folder)[0]
    other = seal.seal(verdict("another"), 1, seal.BEGINNING, seal.load_key(key))
    first.write_bytes(canonical(other) + b"\n")
    assert check_paths([first]).count == 1, "by itself it is good"
    with pytest.raises(SealError, match="verdict 2 does not follow"):
        check_paths([folder])


@pytest.mark.parametrize("form", [b" ", b"\n", b"\t"])
def test_white_space_counts(folder: Path, form: bytes) -> None:
    last = verdict_files(folder)[-1]
    last.write_bytes(last.read_bytes() + form)
    with pytest.raises(SealError, match="canonical form"):
        check_paths([folder])


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b"nonsense", b'{"a":1.5,"a":2}\n', b"\xff"])
def test_what_is_no_verdict(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(text)
    with pytest.raises(SealError):
        check_paths([path])


def test_keys_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "x.pem"
    path.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    for load in (seal.load_key, seal.load_public):
        with pytest.raises(SealError, match="not a"):
            load(path)
        with pytest.raises(SealError, match="No such file"):
            load(tmp_path / "nothing")


def test_names_of_calls_make_harmless_file_names(tmp_path: Path) -> None:
    path, _ = VerdictFolder(tmp_path / "v", None).add(verdict("../../x@192.0.2.1:5060/…" * 9))
    assert path.parent == tmp_path / "v"
    assert path.exists()
