"""CPU a call: sums over sums, and a command line that refuses nonsense."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench.edges import Edit, neighbours
from bench.report import last_line, middle
from bench.router import Row, Share, arguments
from bench.router_parts import PARTS, Part
from bench.sip_wire import content_length, whole_messages
from callseal.lab.block import Block
from callseal.render import hand_written

pytestmark = pytest.mark.unit


def test_the_ratio_is_all_cpu_over_all_cpu() -> None:
    """A stretch in which the machine was slow weighs as much as it took: none is left out."""
    row = Row("normal", [Share(100, 0.3, 0.2, 0.4), Share(100, 0.9, 0.4, 0.4)])
    assert row.per_call_us("callseal") == pytest.approx(6000)
    assert row.per_call_us("bare") == pytest.approx(3000)
    assert row.per_call_us("rtpengine") == pytest.approx(2000), "it serves the calls of both routers"
    assert row.ratio == pytest.approx(2.0)
    told = row.as_json()
    assert told["ratio_of_each_stretch"] == [1.5, 2.25]
    assert told["median_ratio"] == pytest.approx(1.875)


def test_the_last_line_shows_the_goal_as_it_is() -> None:
    assert last_line("router", 1.249, 1.25) == "bench-router ratio=1.25 goal=1.25"
    assert last_line("handoff", 0.5, 1.0) == "bench-handoff ratio=0.50 goal=1.0"


def test_middle() -> None:
    assert middle([3.0, 1.0, 2.0]) == 2.0
    assert middle([]) != middle([])


def test_neighbours() -> None:
    assert [each.prefix for each in neighbours(Block("127.92.7"), 3)] == ["127.92.7", "127.92.8", "127.92.9"]
    with pytest.raises(ValueError, match="not a block"):
        neighbours(Block("127.92.254"), 3)


@pytest.mark.parametrize(
    ("head", "length"),
    [
        (b"POST /inlet/leg HTTP/1.1\r\nHost: x\r\nContent-Length: 37\r\n\r\n", 37),
        (b"POST / HTTP/1.1\r\ncontent-length:5\r\n\r\n", 5),
        (b"GET / HTTP/1.1\r\n\r\n", 0),
    ],
)
def test_content_length(head: bytes, length: int) -> None:
    assert content_length(head) == length


def test_a_stream_is_parted_by_content_length() -> None:
    one = b"SIP/2.0 200 OK\r\nContent-Length: 4\r\n\r\nv=0\n"
    two = b"BYE sip:x SIP/2.0\r\nl: 0\r\n\r\n"
    assert whole_messages(one + two) == ([one, two], b"")
    for cut in range(1, len(one)):
        messages, rest = whole_messages(one[:cut])
        assert messages == []
        assert whole_messages(rest + one[cut:] + b"\r\n" + two) == ([one, two], b"")


@pytest.mark.parametrize("argv", [["--up", "100,10"], ["--up", "0"], ["--calls", "0"]])
def test_nonsense_is_refused(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments(argv)
    assert "--up must rise" in capsys.readouterr().err


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_every_part_can_be_left_out(part: Part, tmp_path: Path) -> None:
    """The text that is edited stands where it is looked for, once."""
    for path in hand_written().glob("*.cfg"):
        shutil.copy(path, tmp_path)
    for edit in part.edits:
        edit.apply(tmp_path)
    with pytest.raises(ValueError, match="0 times"):
        Edit("strict.cfg", "nothing like it", "").apply(tmp_path)
