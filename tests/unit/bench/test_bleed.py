"""What the bleed bench calls a leak, and that it says so."""

from __future__ import annotations

import random
from array import array
from pathlib import Path

import pytest

from bench.bleed import arguments
from bench.bleed_cells import SETS, Barriers, Cell, faults, must_be_silent
from bench.bleed_ear import Found, hear, keys_in, rests
from bench.bleed_sound import WAYS, hiss, hissing, pressed
from bench.bleed_table import summed
from callseal.audit.tones import tone
from callseal.wire.rtp import RtpPacket

pytestmark = pytest.mark.unit


def wire(ticks: list[tuple[object, ...]]) -> list[tuple[float, bytes]]:
    packets, sequence = [], 0
    for place, tick in enumerate(ticks):
        for out in tick:
            packet = RtpPacket(
                payload_type=out.payload_type,  # type: ignore[attr-defined]
                sequence=sequence,
                timestamp=1600 + place * 160 - out.since,  # type: ignore[attr-defined]
                ssrc=1,
                payload=out.payload,  # type: ignore[attr-defined]
                marker=out.marker,  # type: ignore[attr-defined]
            )
            packets.append((place * 0.02, bytes(packet)))
            sequence += 1
    return packets


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name.replace(" ", "-"))
def test_every_way_is_heard_when_nothing_stops_it(way: object) -> None:
    chance = random.Random(1)
    found = hear(wire([*hiss(5, chance), *pressed(way, "1590*", chance), *hiss(5, chance)]))  # type: ignore[arg-type]
    assert found.keys >= 5 or found.fragments >= 5


def test_a_line_on_which_nobody_presses_is_silent() -> None:
    assert hear(wire(list(hiss(200, random.Random(2))))).keys == 0
    assert rests(hissing(16_000, random.Random(3))) == (0, 0.0)


def test_five_milliseconds_of_a_tone_are_a_rest() -> None:
    audio = hissing(800, random.Random(4)) + tone("5", 5) + array("h", [0] * 800)
    count, longest = rests(audio)
    assert count == 1
    assert 5.0 <= longest <= 7.5


def test_zero_is_promised_wherever_a_mask_stands_and_never_where_nothing_does() -> None:
    for way in WAYS:
        assert all(must_be_silent(barriers, way) for barriers in SETS if barriers.mask)
        assert must_be_silent(Barriers("mute"), way)
        assert not must_be_silent(Barriers(), way)
    assert sum(must_be_silent(Barriers("events"), way) for way in WAYS) == 2
    assert sum(must_be_silent(Barriers("tones"), way) for way in WAYS) == 10


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (Cell("a", "mask", "PCMU", True, 10, Found(tones=1)), "1 of 10 keys heard"),
        (Cell("a", "mask", "PCMU", True, 10, Found(fragments=1, fragment_ms=7.5)), "rests of 7.5 ms"),
        (Cell("a", "neither", "PCMU", False, 10, Found()), "proves nothing"),
        (Cell("a", "mask", "PCMU", True, 10, Found(), 11, 0, 1), "1 doubled"),
    ],
)
def test_a_fault_is_said(cell: Cell, said: str) -> None:
    (fault,) = faults([cell], alive=True)
    assert said in fault
    assert faults([], alive=False) == ["rtpengine has died"]


def test_what_may_pass_stands_apart() -> None:
    cells = [
        Cell("a", "fence events", "PCMU", True, 4, Found()),
        Cell("b", "fence events", "PCMU", False, 4, Found(tones=4)),
    ]
    assert [(row["barriers"], row["heard"]) for row in summed(cells)] == [
        ("fence events", 0),
        ("fence events (may pass)", 4),
    ]


def test_keys_in_a_log_are_read(tmp_path: Path) -> None:
    log = tmp_path / "log"
    line = "DEBUG: [x]: [core] DTMF event packet: event {}, volume 10, end {}, duration 800\n"
    log.write_text("".join(line.format(code, end) for code in (4, 11) for end in (0, 1)), encoding="utf-8")
    assert keys_in(log) == "4#"


def test_quick_presses_few() -> None:
    assert arguments(["--quick"]).keys == 3
