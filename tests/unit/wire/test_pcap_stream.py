"""Captures read frame by frame: whatever is in the file, what was whole before it stands and nothing raises."""

from __future__ import annotations

import gzip
import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callseal.wire.pcap_stream import (
    LARGEST_FRAME,
    CaptureReader,
    NotACaptureError,
    pcap_header,
    pcap_record,
)

pytestmark = pytest.mark.unit

FRAMES = [(1_790_000_000.25, b"one"), (1_790_000_001.5, b""), (1_790_000_002.75, b"three" * 40)]


def classic(order: str = "<", unit: int = 1_000_000, link: int = 101) -> bytes:
    magic = 0xA1B2C3D4 if unit == 1_000_000 else 0xA1B23C4D
    data = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link)
    for at, frame in FRAMES:
        data += (
            struct.pack(order + "IIII", int(at), round((at % 1) * unit), len(frame), len(frame) + 1) + frame
        )
    return data


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + length + body + length


def next_generation(order: str = "<", resolution: int | None = None) -> bytes:
    unit = 1_000_000 if resolution is None else 10**resolution
    options = b"" if resolution is None else struct.pack(order + "HHB3xHH", 9, 1, resolution, 0, 0)
    data = block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    data += block(order, 1, struct.pack(order + "HHI", 101, 0, 0) + options)
    data += block(order, 5, bytes(12))  # statistics, left out
    for at, frame in FRAMES:
        stamp = round(at * unit)
        head = struct.pack(order + "IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, len(frame), len(frame))
        data += block(order, 6, head + frame)
    return data


def read(data: bytes) -> tuple[list[tuple[float, bytes]], CaptureReader]:
    reader = CaptureReader(io.BytesIO(data))
    return [(round(at, 3), frame) for at, _, frame in reader], reader


@pytest.mark.parametrize(
    "data",
    [
        classic(),
        classic(">"),
        classic("<", 1_000_000_000),
        next_generation(),
        next_generation(">"),
        next_generation("<", 9),
        next_generation(">", 3),
    ],
)
def test_both_formats_and_orders(data: bytes) -> None:
    found, reader = read(data)
    assert found == FRAMES
    assert (reader.frames, reader.problem) == (3, "")


def test_frames_that_the_capture_cut_are_counted() -> None:
    assert read(classic())[1].cut == 3
    assert read(next_generation())[1].cut == 0


def ends(whole: bytes) -> set[int]:
    """Where a file may end without anything missing: after its head, after each record or block."""
    found, at = set(), 0
    if whole[:4] != b"\x0a\x0d\x0d\x0a":
        at = 24
        found.add(at)
        for _, frame in FRAMES:
            at += 16 + len(frame)
            found.add(at)
        return found
    while at < len(whole):
        at += struct.unpack_from("<I", whole, at + 4)[0]
        found.add(at)
    return found


@pytest.mark.parametrize("whole", [classic(), next_generation()])
def test_cut_off_anywhere_gives_what_was_whole_and_says_so(whole: bytes) -> None:
    for size in range(5, len(whole) + 1):
        found, reader = read(whole[:size])
        assert found == FRAMES[: len(found)]
        assert (reader.problem == "") == (size in ends(whole)), size
    assert len(read(whole[:-1])[0]) == 2


def test_an_absurd_length_ends_the_file_there() -> None:
    data = (
        pcap_header()
        + pcap_record(1.0, b"good")
        + struct.pack("<IIII", 1, 0, LARGEST_FRAME + 1, 0)
        + bytes(99)
    )
    found, reader = read(data)
    assert [frame for _, frame in found] == [b"good"]
    assert "broken after frame 1" in reader.problem


@pytest.mark.parametrize("data", [b"", b"GIF8", b"\x00" * 40, b"INVITE sip:x"])
def test_what_is_no_capture_is_refused(data: bytes) -> None:
    with pytest.raises(NotACaptureError):
        read(data)


def test_a_broken_gzip_is_a_problem_and_no_crash() -> None:
    packed = gzip.compress(pcap_header() + b"".join(pcap_record(1.0, bytes(range(256))) for _ in range(2000)))
    for broken in (packed[: len(packed) // 2], packed[:200] + b"\xff\xff\xff" + packed[203:]):
        reader = CaptureReader(gzip.GzipFile(fileobj=io.BytesIO(broken)))
        try:
            list(reader)
        except NotACaptureError:
            continue
        assert reader.problem


@given(st.sampled_from([classic(), next_generation()]), st.data())
def test_any_damage_is_survived(whole: bytes, data: st.DataObject) -> None:
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(4, len(whole) - 1))] = data.draw(st.integers(0, 255))
    read(bytes(damaged))


@given(st.lists(st.tuples(st.integers(0, 2**31 - 1), st.binary(max_size=300))))
def test_what_is_written_is_read(rows: list[tuple[int, bytes]]) -> None:
    data = pcap_header() + b"".join(pcap_record(at, frame) for at, frame in rows)
    assert read(data)[0] == [(float(at), frame) for at, frame in rows]
