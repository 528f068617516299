"""The walk through a folder, and the command's status."""

from __future__ import annotations

import gzip
import json
import sqlite3
from pathlib import Path

import pytest

from callseal.audit import canary_scan
from callseal.audit.canary_scan import TEST_CARDS, main, scan

pytestmark = pytest.mark.unit
PAN = "4242424242424242"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "desk.log").write_text(
        '{"event": "call", "last4": "4242", "count": 12}\n', encoding="utf-8"
    )
    return tmp_path


def run(*arguments: object) -> tuple[int, str]:
    told: list[str] = []
    status = main([str(argument) for argument in arguments], told.append)
    return status, "\n".join(told)


def luhn(digits: str) -> bool:
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0


def test_the_test_cards_are_cards() -> None:
    assert all(map(luhn, TEST_CARDS))
    assert len(set(TEST_CARDS)) == len(TEST_CARDS)


def test_a_clean_folder(folder: Path) -> None:
    assert run(folder) == (0, f"1 files, {len(TEST_CARDS)} canaries, 0 found")
    assert scan(folder).clean


def test_an_empty_folder_proves_nothing(tmp_path: Path) -> None:
    assert run(tmp_path)[0] == 2
    assert run(tmp_path / "nothing") == (2, f"{tmp_path}/nothing: no such file or directory")


def test_a_finding_has_file_and_offset_and_no_digit(folder: Path) -> None:
    (folder / "logs" / "leak.log").write_text(f"pressed {PAN}\n", encoding="utf-8")
    status, told = run(folder)
    assert status == 1
    assert f"{folder}/logs/leak.log: canary 0, plain at byte 8" in told
    assert "4242" not in told


def test_databases_compressed_files_and_names_of_any_kind(folder: Path) -> None:
    with sqlite3.connect(folder / "desk.sqlite3") as store:
        store.execute("create table t (a integer, b text)")
        store.execute("insert into t values (?, ?)", (int(PAN), "x"))
    store.close()
    (folder / "old.log.1.gz").write_bytes(gzip.compress(b"n=" + PAN.encode()))
    (folder / ".hidden").write_bytes(PAN.encode())
    found = {(one.file.name, one.form) for one in scan(folder).findings}
    assert found == {("desk.sqlite3", "number"), ("old.log.1.gz", "plain"), (".hidden", "plain")}


def test_excluded_folders_are_not_read(folder: Path) -> None:
    (folder / "customer").mkdir()
    (folder / "customer" / "phone.log").write_text(PAN, encoding="utf-8")
    assert run(folder)[0] == 1
    assert run(folder, "--exclude", folder / "customer")[0] == 0


def test_what_cannot_be_read_is_not_clean(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "broken.gz").write_bytes(b"\x1f\x8b\x08 broken")
    status, told = run(folder)
    assert status == 2
    assert "broken.gz: could not be read" in told
    (folder / "broken.gz").unlink()
    monkeypatch.setattr(canary_scan, "LARGEST", 10)
    assert scan(folder).unread == (folder / "logs" / "desk.log",)


def test_a_capture_without_a_frame_to_read_is_not_clean(folder: Path) -> None:
    capture = folder / "logs" / "live.pcap"
    capture.write_bytes(b"\xd4\xc3\xb2\xa1")
    assert scan(folder).unread == (capture,)


def test_links_are_not_followed(folder: Path) -> None:
    (folder / "logs" / "up").symlink_to(folder)
    assert scan(folder).files == 1


def test_own_canaries_and_json(folder: Path) -> None:
    canaries = folder / "canaries.txt"
    canaries.write_text("4000 0566 5566 5556\n\n", encoding="ascii")
    (folder / "leak.txt").write_text("4000056655665556", encoding="ascii")
    status, told = run(folder, "--canaries", canaries, "--json")
    assert status == 1
    report = json.loads(told)
    assert report["findings"] == [{"file": f"{folder}/leak.txt", "form": "plain", "offset": 0, "canary": 0}]
    assert (report["clean"], report["files"]) == (False, 2)


def test_one_file(folder: Path) -> None:
    assert scan(folder / "logs" / "desk.log").files == 1
