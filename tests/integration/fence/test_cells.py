"""The leak table while a card is taken: every way to press through every set of barriers, on a bare rtpengine.

The same run as `make bench-bleed`, shorter; the partner's mask and capture are the sandbox's own.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

import pytest

from bench.bleed import main
from bench.bleed_cells import SETS, Barriers, Cell, must_be_silent
from bench.bleed_ear import keys_in
from bench.bleed_line import Clock, Line, Ng
from bench.bleed_partner import MaskingPartner
from bench.bleed_rig import Bench
from bench.bleed_sound import WAYS, Way, hiss, pressed
from callseal.audit.canary_scan import TEST_CARDS
from callseal.lab.rootfs import BASELINE, COMPATIBILITY, Rootfs
from callseal.lab.router import Rtpengine
from tests.support import leak_table

pytestmark = pytest.mark.integration

DIGITS = 2
NETWORK = "127.94.7"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(BASELINE, tmp_path_factory.mktemp("bleed"), stack, network=NETWORK)


def run(bench: Bench, barriers: Barriers, ways: tuple[Way, ...] = WAYS, digits: int = DIGITS) -> list[Cell]:
    cells = [Cell(way.name, barriers.name, "PCMU", must_be_silent(barriers, way)) for way in ways]
    jobs = [(cell, way, barriers, "PCMU") for cell, way in zip(cells, ways, strict=True)]
    chance = random.Random(barriers.name)
    bench.press(jobs, digits, chance)
    return cells


def test_the_table_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`make bench-bleed ARGS=--quick`, which also says that no key was lost or doubled at the partner, and none is in a log."""
    out = tmp_path / "bleed.json"
    status = main(["--quick", "--network", "127.94.17", "--out", str(out)])
    told = json.loads(out.read_text(encoding="utf-8"))
    assert (status, told["faults"]) == (0, [])
    assert capsys.readouterr().out.splitlines()[-1] == "bench-bleed ratio=0.00 goal=0.0"
    assert (told["keys_heard"], told["keys_tried"] > 200) == (0, True)
    found = {
        (cell["way"], cell["barriers"]): leak_table.cell(
            leaks=cell["found"]["events"] + cell["found"]["tones"] + cell["found"]["fragments"] > 0
        )
        for cell in told["cells"]
    }
    leak_table.hold("capturing", "", [way.name for way in WAYS], [one.name for one in SETS], found)


def test_the_page_says_nothing_else_than_the_bench() -> None:
    """Where the bench counts a leak as a leak is where the page says 0."""
    said = leak_table.read("capturing")
    for barriers in SETS:
        for way in WAYS:
            assert must_be_silent(barriers, way) <= (said[way.name, barriers.name] == "0"), (way, barriers)


def test_the_other_row(tmp_path: Path) -> None:
    """Each fence and the mask alone, on the second tested pair of daemons."""
    with ExitStack() as stack:
        bench = Bench(COMPATIBILITY, tmp_path, stack, network="127.94.18")
        for barriers in (Barriers("events"), Barriers("tones"), Barriers("mute"), Barriers(mask=True)):
            said = leak_table.read("capturing")
            found = {cell.way: leak_table.cell(leaks=cell.leaks) for cell in run(bench, barriers)}
            assert found == {way.name: said[way.name, barriers.name] for way in WAYS}


def test_a_mask_that_is_off_turns_the_table_red(bench: Bench) -> None:
    """Everything passes it, and nothing but the fence is left."""
    broken = Barriers("events", mask=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench.partner, "call", lambda: MaskingPartner.call(bench.partner, mask=False))
        cells = run(bench, broken)
    said = leak_table.read("capturing")
    assert {said[cell.way, broken.name] for cell in cells} == {leak_table.NOTHING}
    passes = {way.name for way in WAYS if said[way.name, "fence events"] != leak_table.NOTHING}
    assert {cell.way for cell in cells if cell.leaks} >= passes


def test_without_the_filter_tones_leak(tmp_path: Path) -> None:
    """What rtpengine's own detector makes of a line on which something was pressed before: the reason for the filter."""
    by_name = {way.name: way for way in WAYS}
    with ExitStack() as stack:
        bench = Bench(BASELINE, tmp_path, stack, network="127.94.19", filtered=False)
        (cell,) = run(bench, Barriers("tones"), (by_name["in-band with speech"],))
        assert cell.found.tones > 0


def test_a_level_that_prints_digits_is_found(tmp_path: Path) -> None:
    """rtpengine at level 7, as nobody may run it: the test above would have read the keys in its log."""
    found = {}
    for level in (6, 7):
        folder = tmp_path / str(level)
        folder.mkdir()
        media = f"127.94.8.2{level}"
        engine = Rtpengine(
            Rootfs.build(BASELINE),
            media=media,
            ng=(media, 2223),
            log=folder / "rtpengine.log",
            extra=(f"--log-level={level}",),
        )
        with ExitStack() as stack:
            stack.callback(engine.stop)
            engine.start().wait_ready()
            ng = Ng((media, 2223))
            stack.callback(ng.close)
            line = Line.dial(ng, "127.94.8.10", "127.94.8.40")
            ng.ask("block DTMF", call_id=line.call_id, label="partner")
            line.ticks = chain(hiss(10, random.Random(1)), pressed(WAYS[0], TEST_CARDS[0], random.Random(1)))
            Clock().run([line])
            line.hang_up(ng)
        found[level] = keys_in(folder / "rtpengine.log")
    assert found == {6: "", 7: TEST_CARDS[0]}
