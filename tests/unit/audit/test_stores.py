"""Each form, in each kind of file in which something is kept: the scan of a folder finds it there."""

from __future__ import annotations

import gzip
import json
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from callseal.audit.canary_scan import scan
from callseal.wire.pcap_stream import pcap_header, pcap_record
from tests.unit.audit.test_forms import WAYS

pytestmark = pytest.mark.unit
PAN = "378282246310005"
Keep = Callable[[Path, bytes], None]


def log(folder: Path, data: bytes) -> None:
    (folder / "desk.log").write_bytes(b'{"event": "ready"}\n' + data + b'\n{"event": "end"}\n')


def rotated(folder: Path, data: bytes) -> None:
    (folder / "desk.log.1.gz").write_bytes(gzip.compress(b"first line\n" + data + b"\n"))


def page(folder: Path, data: bytes) -> None:
    (folder / "report.html").write_bytes(b"<!doctype html><p>" + data + b"</p>")


def metrics(folder: Path, data: bytes) -> None:
    (folder / "metrics.txt").write_bytes(b'calls_total{number="' + data + b'"} 1\n')


def verdict(folder: Path, data: bytes) -> None:
    text = data.decode("latin-1")
    (folder / "000001-a.json").write_bytes(b'{"call": "' + text.encode("latin-1") + b'"}')


def blob(folder: Path, data: bytes) -> None:
    """Bytes in a row of a database, with its write-ahead log still there."""
    store = sqlite3.connect(folder / "desk.sqlite3")
    store.execute("pragma journal_mode = wal")
    store.execute("create table t (a integer primary key, b blob)")
    store.executemany("insert into t values (?, ?)", [(number, b"x" * 50) for number in range(20)])
    store.execute("insert into t values (100, ?)", (data,))
    store.commit()
    store.close()


def deleted(folder: Path, data: bytes) -> None:
    """A row that is no more: the page still has it."""
    blob(folder, data)
    store = sqlite3.connect(folder / "desk.sqlite3")
    store.execute("pragma secure_delete = off")
    store.execute("delete from t where a = 100")
    store.commit()
    store.close()


def core(folder: Path, data: bytes) -> None:
    (folder / "core").write_bytes(b"\x7fELF" + bytes(5000) + data + bytes(5000))


def capture(folder: Path, data: bytes) -> None:
    """In the body of a UDP packet."""
    udp = struct.pack("!HHHH", 5060, 5060, 8 + len(data), 0) + data
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes(4), bytes(4))
    (folder / "live.pcap").write_bytes(pcap_header() + pcap_record(1.0, head + udp))


STORES: tuple[Keep, ...] = (log, rotated, page, metrics, verdict, blob, deleted, core, capture)


CASES = [
    pytest.param(way, keep, id=f"{way}-{keep.__name__}")
    for way in sorted(WAYS)
    for keep in STORES
    if WAYS[way][0] != "events" or keep is not capture  # a packet a key is the form `media`: test_forms.py
]


@pytest.mark.parametrize(("way", "keep"), CASES)
def test_each_form_in_each_store(way: str, keep: Keep, tmp_path: Path) -> None:
    form, write = WAYS[way]
    lines = b"\n" if form == "events" else b""
    keep(tmp_path, lines + write(PAN) + lines)
    result = scan(tmp_path, canaries=["4111111111111111", PAN])
    assert not result.unread
    assert (form, 1) in {(one.form, one.canary) for one in result.findings}


@pytest.mark.parametrize("keep", STORES, ids=lambda keep: keep.__name__)
def test_each_store_is_clean_without(keep: Keep, tmp_path: Path) -> None:
    keep(tmp_path, json.dumps({"at": 1790000000000, "last4": "0005", "masked": "•••• 0005"}).encode())
    assert scan(tmp_path, canaries=[PAN]).clean
