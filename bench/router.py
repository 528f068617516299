"""`python -m bench.router`: Kamailio's CPU for a call through Callseal's router, beside a bare Kamailio that relays the same two legs.

What is measured and what is not: README.md.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

from bench.calls import HeldCalls, make_calls
from bench.cpu import CpuMeter
from bench.edges import EdgePlan, Sides, allow_files, bare_edge, callseal_edge, engine, neighbours
from bench.report import last_line, middle, surroundings, write_json
from callseal.lab.block import Block
from callseal.lab.daemon import Daemon
from callseal.lab.rootfs import BASELINE, Rootfs

GOAL = 1.25
RESULTS = Path(__file__).parent / "results" / "router.json"
SETTLE_S = 1.0
QUICK_SETTLE_S = 0.2
IDLE_S = 3.0
Kind = Literal["normal", "secured"]
WORDS: dict[Kind, str] = {
    "normal": "a call: two legs up and down",
    "secured": "the same, secured and released",
}


@dataclass(slots=True)
class Share:
    """What one stretch of calls cost: CPU seconds of each process group, and how many calls it was for."""

    calls: int
    callseal: float
    bare: float
    rtpengine: float

    @property
    def ratio(self) -> float:
        return self.callseal / self.bare


@dataclass(slots=True)
class Row:
    """All stretches of one kind of call."""

    kind: Kind
    shares: list[Share] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def per_call_us(self, who: Literal["callseal", "bare", "rtpengine"]) -> float:
        calls = sum(share.calls for share in self.shares)
        both = 2 if who == "rtpengine" else 1  # it serves both edges
        cpu: float = sum(getattr(share, who) for share in self.shares)
        return cpu / calls / both * 1e6

    @property
    def ratio(self) -> float:
        """All CPU over all CPU: the stretches see the same machine, none is left out."""
        return self.per_call_us("callseal") / self.per_call_us("bare")

    def as_json(self) -> dict[str, Any]:
        ratios = [share.ratio for share in self.shares]
        return {
            "kind": self.kind,
            "calls": sum(share.calls for share in self.shares),
            "callseal_us_per_call": round(self.per_call_us("callseal")),
            "bare_us_per_call": round(self.per_call_us("bare")),
            "rtpengine_us_per_call": round(self.per_call_us("rtpengine")),
            "ratio": round(self.ratio, 3),
            "ratio_of_each_stretch": [round(each, 3) for each in ratios],
            "median_ratio": round(middle(ratios), 3),
            "failures": self.failures,
        }


@dataclass(slots=True)
class Grown:
    """CPU per call with so many other calls up, in microseconds."""

    up: int
    calls: int
    kamailio_us: float
    rtpengine_us: float
    bare_us: float
    failures: list[str]

    def as_json(self) -> dict[str, Any]:
        return {
            "calls_up": self.up,
            "calls": self.calls,
            "kamailio_us_per_call": round(self.kamailio_us),
            "rtpengine_us_per_call": round(self.rtpengine_us),
            "bare_us_per_call": round(self.bare_us),
            "failures": self.failures,
        }


class Bench:
    """Two routers under the same load: call by call in turn, so that both see the same machine at the same time."""

    def __init__(self, options: argparse.Namespace, daemons: dict[str, Daemon], sides: list[Sides]) -> None:
        self._options = options
        self._sides = sides
        self._meters = {name: CpuMeter(daemon.pid) for name, daemon in daemons.items()}

    async def idle(self) -> dict[str, float]:
        """CPU milliseconds a second when no call comes: part of every figure, as it is in life."""
        await asyncio.sleep(self._options.settle)
        self._lap()
        start = time.monotonic()
        await asyncio.sleep(IDLE_S * self._options.settle)
        passed = time.monotonic() - start
        return {name: round(cpu / passed * 1000, 2) for name, cpu in self._lap().items()}

    async def run(self, kind: Kind) -> Row:
        row = Row(kind)
        await self._calls(row.failures, self._options.warm_up, kind)
        for _ in range(self._options.stretches):
            self._lap()
            count = await self._calls(row.failures, self._options.calls, kind)
            spent = self._lap()
            row.shares.append(Share(count, spent["callseal"], spent["bare"], spent["rtpengine"]))
        return row

    async def grow(self, up: list[int]) -> list[Grown]:
        """The same calls while others are up at Callseal's router, without RTP."""
        held = HeldCalls(self._sides[0])
        grown = []
        for wanted in up:
            await held.grow(wanted)
            failures: list[str] = []
            await asyncio.sleep(self._options.settle)
            self._lap()
            count = await self._calls(failures, self._options.calls, "normal")
            spent = self._lap()
            per_call = {name: cpu / count * 1e6 for name, cpu in spent.items()}
            grown.append(
                Grown(
                    wanted,
                    count,
                    per_call["callseal"],
                    per_call["rtpengine"] / 2,
                    per_call["bare"],
                    failures,
                )
            )
        await held.end()
        return grown

    async def _calls(self, failures: list[str], count: int, kind: Kind) -> int:
        """So many calls on each router; returns how many."""
        await make_calls(
            self._sides, count=count, rate=self._options.rate, secured=kind == "secured", failures=failures
        )
        await asyncio.sleep(self._options.settle)
        return count

    def _lap(self) -> dict[str, float]:
        return {name: meter.lap() for name, meter in self._meters.items()}


def table(rows: list[Row]) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in (
        "CPU of Kamailio, microseconds a call",
        "calls",
        "Callseal",
        "bare",
        "ratio",
        "median",
        "spread",
    ):
        shown.add_column(name, justify="left" if name.startswith("CPU") else "right", no_wrap=True)
    for row in rows:
        ratios = [share.ratio for share in row.shares]
        shown.add_row(
            WORDS[row.kind],
            str(sum(share.calls for share in row.shares)),
            f"{row.per_call_us('callseal'):.0f}",
            f"{row.per_call_us('bare'):.0f}",
            f"{row.ratio:.2f}",
            f"{middle(ratios):.2f}",
            f"{min(ratios):.2f}-{max(ratios):.2f}",
        )
    return shown


def growth_table(grown: list[Grown]) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("calls up", "Kamailio us/call", "rtpengine us/call", "bare us/call (none up)"):
        shown.add_column(name, justify="right", no_wrap=True)
    for each in grown:
        shown.add_row(
            str(each.up), f"{each.kamailio_us:.0f}", f"{each.rtpengine_us:.0f}", f"{each.bare_us:.0f}"
        )
    return shown


async def bench(
    options: argparse.Namespace, daemons: dict[str, Daemon], plans: list[EdgePlan], console: Console
) -> tuple[dict[str, float], list[Row], list[Grown]]:
    async with Sides(plans[0]) as callseal, Sides(plans[1]) as bare:
        running = Bench(options, daemons, [callseal, bare])
        idle = await running.idle()
        rows = []
        for kind, words in WORDS.items():
            rows.append(await running.run(kind))
            console.print(f"{words}: done", style="dim")
        grown = await running.grow(options.up)
        return idle, rows, grown


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.router", description=__doc__)
    parser.add_argument("--calls", type=int, default=200, help="calls on each router in one stretch (200)")
    parser.add_argument("--stretches", type=int, default=10, help="stretches of each kind of call (10)")
    parser.add_argument("--warm-up", type=int, default=60, help="calls before, of each kind (60)")
    parser.add_argument("--rate", type=float, default=25.0, help="calls a second on each router (25)")
    parser.add_argument(
        "--up", type=lambda text: [int(each) for each in text.split(",")], default=[10, 100, 500, 1000]
    )
    parser.add_argument("--anchors", choices=("one", "two"), default="two")
    parser.add_argument(
        "--transport", choices=("tls", "udp"), default="tls", help="between edge and all peers (tls)"
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run of some seconds")
    parser.add_argument("--block", type=Block.parse, default=Block("127.92.0"), help="the first of three /24")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON goes")
    options = parser.parse_args(argv)
    options.settle = SETTLE_S
    if options.quick:
        options.calls, options.stretches, options.warm_up, options.up = 10, 2, 3, [5, 10]
        options.settle = QUICK_SETTLE_S
    if options.up != sorted(set(options.up)) or min(options.up, default=1) < 1 or options.calls < 1:
        parser.error("--up must rise from 1 or more, and --calls must be 1 or more")
    return options


def main(argv: list[str] | None = None) -> int:
    """0 when every call went as it should, whatever the ratio; 1 when one did not."""
    options = arguments(argv)
    console = Console(highlight=False, soft_wrap=True, width=120)
    allow_files()
    around = surroundings(BASELINE)
    rootfs = Rootfs.build(BASELINE)
    shared, *blocks = neighbours(options.block, 3)
    with tempfile.TemporaryDirectory(prefix="callseal-bench-") as scratch, ExitStack() as stack:
        root = Path(scratch)
        plans = [
            EdgePlan(root / "callseal", blocks[0], shared, 1, options.anchors, options.transport),
            EdgePlan(root / "bare", blocks[1], shared, 2, options.anchors, options.transport),
        ]
        daemons: dict[str, Daemon] = {
            "rtpengine": engine(rootfs, shared, root / "rtpengine.log"),
            "callseal": callseal_edge(rootfs, plans[0]),
            "bare": bare_edge(rootfs, plans[1]),
        }
        for daemon in daemons.values():
            stack.enter_context(daemon)
        idle, rows, grown = asyncio.run(bench(options, daemons, plans, console))
    around["load_at_end"] = [round(each, 1) for each in os.getloadavg()]
    ratio = rows[0].ratio
    failures = sum(len(row.failures) for row in rows) + sum(len(each.failures) for each in grown)
    write_json(
        options.out,
        {
            **around,
            "bench": "router",
            "ratio": round(ratio, 3),
            "goal": GOAL,
            "transport": options.transport,
            "anchors": options.anchors,
            "calls_a_second_on_each": options.rate,
            "idle_ms_per_s": idle,
            "rows": [row.as_json() for row in rows],
            "growth": [each.as_json() for each in grown],
        },
    )
    console.print(table(rows))
    console.print(growth_table(grown))
    console.print(
        f"{options.transport}, anchors {options.anchors}, {options.rate:g} calls a second on each router; when idle"
        f" Callseal's Kamailio takes {idle['callseal']} ms/s, the bare one {idle['bare']} ms/s, both within the figures",
        style="dim",
    )
    console.print(
        f"Kamailio {around['kamailio']}, rtpengine {around['rtpengine']}, {around['cpus']} CPUs, system load"
        f" {around['load_at_start'][0]} before and {around['load_at_end'][0]} after; {failures} failed; {options.out}",
        style="dim",
    )
    console.print(last_line("router", ratio, GOAL))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
