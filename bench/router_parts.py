"""`python -m bench.router_parts`: what each part of Callseal's router costs a call, by leaving it out.

Whole router, bare router and a few routers that lack one part each work side by side on one rtpengine, call by call in turn. What a
router without a part costs less than the whole one beside it is what the part costs. Not a sum: parts share work, and each runs in the
cache that the others leave.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.calls import make_calls
from bench.cpu import CpuMeter
from bench.edges import EdgePlan, Edit, Sides, allow_files, bare_edge, callseal_edge, engine, neighbours
from bench.report import middle, surroundings, write_json
from callseal.lab.block import Block
from callseal.lab.rootfs import BASELINE, Rootfs

RESULTS = Path(__file__).parent / "results" / "router-parts.json"
AT_A_TIME = 3
"""More routers side by side than that, and each works in the cache that five others have emptied."""
SETTLE_S = 1.0


@dataclass(frozen=True, slots=True)
class Part:
    """Something that the router does and that can be left out: each edit's text stands once in its file."""

    name: str
    edits: tuple[Edit, ...]
    door: bool = True


def without(file: str, route: str, instead: str) -> Edit:
    """A route that does `instead` and nothing more."""
    return Edit(file, f"\nroute[{route}] {{\n", f"\nroute[{route}] {{\n\tif (1 == 1) {{ {instead} }}\n")


PARTS = (
    Part(
        "hiding of addresses",
        (
            Edit(
                "kamailio.cfg",
                'include_file "data/policies.cfg"\n',
                'include_file "data/policies.cfg"\n#!define TOPOLOGY_SHOWN\n',
            ),
        ),
    ),
    Part(
        "strict reading",
        (
            without("strict.cfg", "STRICT", "$var(plain) = 1; $var(no_x) = 1; return 1;"),
            without("strict.cfg", "PLAIN_SDP", "$var(plain_sdp) = $var(sdp); return;"),
        ),
    ),
    Part(
        "what the edge agent is told",
        (without("handoff.cfg", "HANDOFF", "return;"), without("handoff.cfg", "TELL_LEG", "return;")),
    ),
    Part("the log door (`debugger` is loaded instead)", (), door=False),
    Part("MACs", (without("cookie.cfg", "MAC", f'$var(mac) = "{"0" * 32}"; return 1;'),)),
    Part("sanity", (Edit("faces.cfg", 'if (!sanity_check("17895", "15")) {', "if (1 == 0) {"),)),
    Part(
        "rate limits",
        (
            without("limits.cfg", "COUNTED", "$var(above) = 0; return;"),
            without("limits.cfg", "ADMITTED", "return;"),
        ),
    ),
    Part("size", (without("limits.cfg", "SIZE", "return 1;"),)),
    Part("transport and certificate", (without("transport.cfg", "PROVEN", "return 1;"),)),
    Part("where an SDP points", (without("sdp.cfg", "WHERE", '$var(where) = "home"; return;'),)),
    Part("headers of ours", (without("faces.cfg", "OUR_HEADERS", "return;"),)),
    Part("next hop", (without("dialog.cfg", "NEXT_HOP", "return;"),)),
)


@dataclass(slots=True)
class Cost:
    """Of one part: microseconds a call in each stretch, by which the whole router was dearer."""

    part: str
    saved_us: list[float]
    whole: list[float]
    """Whole over bare, of the same stretches."""

    def as_json(self) -> dict[str, Any]:
        return {
            "part": self.part,
            "us_per_call": round(middle(self.saved_us)),
            "us_of_each_stretch": [round(each) for each in self.saved_us],
            "whole_over_bare": [round(each, 3) for each in self.whole],
        }


async def measure(
    options: argparse.Namespace, parts: tuple[Part, ...], plans: list[EdgePlan], meters: list[CpuMeter]
) -> list[Cost]:
    """`plans` and `meters`: bare, whole, and one without each of `parts`. Raises `RuntimeError` when a call failed."""
    costs = [Cost(part.name, [], []) for part in parts]
    async with AsyncExitStack() as stack:
        sides = [await stack.enter_async_context(Sides(plan)) for plan in plans]
        failures: list[str] = []
        for stretch in range(options.stretches + 1):
            for meter in meters:
                meter.lap()
            count = options.calls if stretch else options.warm_up
            await make_calls(sides, count=count, rate=options.rate, secured=False, failures=failures)
            await asyncio.sleep(SETTLE_S)
            bare, whole, *others = (meter.lap() / count * 1e6 for meter in meters)
            if stretch:
                for cost, other in zip(costs, others, strict=True):
                    cost.saved_us.append(whole - other)
                    cost.whole.append(whole / bare)
        if failures:
            raise RuntimeError(f"{len(failures)} calls failed, first: {failures[0]}")
    return costs


def run(options: argparse.Namespace, rootfs: Rootfs, parts: tuple[Part, ...]) -> list[Cost]:
    """Some parts beside each other."""
    shared, *blocks = neighbours(options.block, len(parts) + 3)
    with tempfile.TemporaryDirectory(prefix="callseal-bench-") as scratch, ExitStack() as stack:
        root = Path(scratch)
        plans = [
            EdgePlan(root / str(number), block, shared, number, "two", "tls")
            for number, block in enumerate(blocks, 1)
        ]
        stack.enter_context(engine(rootfs, shared, root / "rtpengine.log"))
        daemons = [bare_edge(rootfs, plans[0]), callseal_edge(rootfs, plans[1])]
        daemons += [
            callseal_edge(rootfs, plan, part.edits, door=part.door)
            for plan, part in zip(plans[2:], parts, strict=True)
        ]
        for daemon in daemons:
            stack.enter_context(daemon)
        meters = [CpuMeter(daemon.pid) for daemon in daemons]
        return asyncio.run(measure(options, parts, plans, meters))


def main(argv: list[str] | None = None) -> int:
    """0 when every call went as it should."""
    parser = argparse.ArgumentParser(prog="python -m bench.router_parts", description=__doc__)
    parser.add_argument("--calls", type=int, default=100, help="calls on each router in one stretch (100)")
    parser.add_argument("--stretches", type=int, default=5, help="stretches of each group of parts (5)")
    parser.add_argument("--warm-up", type=int, default=20, help="calls before (20)")
    parser.add_argument("--rate", type=float, default=10.0, help="calls a second on each router (10)")
    parser.add_argument("--block", type=Block.parse, default=Block("127.92.0"), help="the first of six /24")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON goes")
    options = parser.parse_args(argv)
    allow_files()
    around = surroundings(BASELINE)
    rootfs = Rootfs.build(BASELINE)
    costs: list[Cost] = []
    for start in range(0, len(PARTS), AT_A_TIME):
        costs += run(options, rootfs, PARTS[start : start + AT_A_TIME])
    costs.sort(key=lambda cost: -middle(cost.saved_us))
    around["load_at_end"] = [round(each, 1) for each in os.getloadavg()]
    whole = middle([each for cost in costs for each in cost.whole])
    write_json(
        options.out,
        {
            **around,
            "bench": "router-parts",
            "calls_a_second_on_each": options.rate,
            "whole_over_bare": round(whole, 3),
            "parts": [cost.as_json() for cost in costs],
        },
    )
    shown = Table("without", "us a call less", "of the stretches", box=None, pad_edge=False)
    for cost in costs:
        spread = f"{min(cost.saved_us):.0f} to {max(cost.saved_us):.0f}"
        shown.add_row(cost.part, f"{middle(cost.saved_us):.0f}", spread)
    console = Console(highlight=False, soft_wrap=True, width=120)
    console.print(shown)
    console.print(f"whole over bare {whole:.2f} at {options.rate:g} calls a second on each; {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
