"""`python -m bench.bleed`: keys pressed in every way through every barrier, and what of them reaches the agent's side.

What is measured and what is not: README.md.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from bench.bleed_cells import SETS, Barriers, Cell, faults, leaked, must_be_silent, tried
from bench.bleed_costs import costs
from bench.bleed_ear import keys_in
from bench.bleed_rig import CODECS, NETWORK, Bench
from bench.bleed_sound import WAYS, Way
from bench.bleed_table import table, write_page
from bench.report import last_line, surroundings, write_json
from callseal.lab.rootfs import BASELINE, COMPATIBILITY

GOAL = 0.0
RESULTS = Path(__file__).parent / "results" / "bleed.json"


MASKED_LINES = 4
"""At once: mask and capture are Python, and share a CPU with the clock."""


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.bleed", description=__doc__)
    parser.add_argument(
        "--keys", type=int, default=24, help="keys of each way, barriers and codec in one round (24)"
    )
    parser.add_argument("--rounds", type=int, default=1, help="rounds (1)")
    parser.add_argument(
        "--digits", type=int, default=0, help="go on until so many keys were tried where the table says 0"
    )
    parser.add_argument("--lines", type=int, default=12, help="lines at once (12)")
    parser.add_argument("--suite", choices=(BASELINE, COMPATIBILITY), default=BASELINE)
    parser.add_argument("--seed", type=int, default=0, help="0: from the clock")
    parser.add_argument("--quick", action="store_true", help="a smoke run of some seconds")
    parser.add_argument("--soak", action="store_true", help="only what must be silent")
    parser.add_argument(
        "--only", choices=("fence", "mask"), help="only the barriers with, or without, a mask"
    )
    parser.add_argument("--speed", type=float, default=1.0, help="times real time; for fences only (1)")
    parser.add_argument("--network", default=NETWORK, help="three numbers of a /24 of loopback")
    parser.add_argument("--page", type=Path, help="write the row of a soak run there")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON goes")
    options = parser.parse_args(argv)
    options.masked_lines = min(options.lines, MASKED_LINES)
    if options.quick:
        options.keys, options.rounds, options.masked_lines = 3, 1, options.lines
    options.seed = options.seed or int(time.time())
    return options


def main(argv: list[str] | None = None) -> int:
    """0 when the table's zeros are zeros, the positive control was heard and nothing was lost or doubled; else 1."""
    options = arguments(argv)
    console = Console(highlight=False, soft_wrap=True, width=140)
    chance = random.Random(options.seed)
    around = surroundings(options.suite)
    cells: dict[tuple[str, str, str], Cell] = {}
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="callseal-bleed-") as scratch, ExitStack() as stack:
        bench = Bench(options.suite, Path(scratch), stack, network=options.network, speed=options.speed)
        work = [
            (way, barriers, codec)
            for barriers in SETS
            if options.only is None or barriers.mask == (options.only == "mask")
            for codec in (CODECS if not options.quick else ("PCMU",))
            for way in WAYS
            if not options.soak or must_be_silent(barriers, way)
        ]
        rounds = 0
        while rounds < options.rounds or tried(cells) < options.digits:
            for some in _batches(work, options.lines, options.masked_lines):
                jobs = []
                for way, barriers, codec in some:
                    cell = cells.setdefault(
                        (way.name, barriers.name, codec),
                        Cell(way.name, barriers.name, codec, must_be_silent(barriers, way)),
                    )
                    jobs.append((cell, way, barriers, codec))
                bench.press(jobs, options.keys, chance)
            rounds += 1
            if options.digits:
                console.print(
                    f"{tried(cells)} keys, {leaked(cells)} heard, {time.monotonic() - began:.0f} s",
                    style="dim",
                )
        cost_of = {} if options.quick else costs(bench, options.lines)
        alive = bench.engine.alive
        printed = sum(len(keys_in(log)) for log in bench.logs)
    around["load_at_end"] = [round(each, 1) for each in os.getloadavg()]
    found = list(cells.values())
    keys_tried, keys_heard = tried(cells), leaked(cells)
    ratio = keys_heard / keys_tried if keys_tried else 1.0
    wrong = faults(found, alive=alive)
    if printed:
        wrong.append(f"{printed} keys stand in rtpengine's log")
    write_json(
        options.out,
        {
            **around,
            "bench": "bleed",
            "ratio": ratio,
            "goal": GOAL,
            "seed": options.seed,
            "keys_tried": keys_tried,
            "keys_heard": keys_heard,
            "seconds": round(time.monotonic() - began),
            "clock_late_ms": round(bench.clock.late_s * 1000, 1),
            "faults": wrong,
            "costs": cost_of,
            "cells": [asdict(cell) for cell in found],
        },
    )
    console.print(table(found))
    for name, cost in cost_of.items():
        console.print(f"fence {name}: {cost}" if name != "mask" else f"mask: {cost}")
    for fault in wrong:
        console.print(fault, style="red")
    if options.page is not None:
        write_page(options.page, around, found, keys_tried, keys_heard)
    console.print(
        f"{keys_tried} keys tried where the table says 0, {keys_heard} heard; seed {options.seed}; {options.out}",
        style="dim",
    )
    console.print(last_line("bleed", ratio, GOAL))
    return 1 if wrong else 0


Job = tuple[Way, Barriers, str]


def _batches(work: list[Job], lines: int, masked_lines: int) -> Iterator[list[Job]]:
    for masked, size in ((False, lines), (True, masked_lines)):
        some = [job for job in work if job[1].mask is masked]
        yield from (some[at : at + size] for at in range(0, len(some), size))


if __name__ == "__main__":
    sys.exit(main())
