"""`python -m bench.media`: rtpengine's CPU for a call at this edge, beside one plain rtpengine call with the same RTP.

What is measured and what is not: README.md.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from bench.calls import NUMBER, agent_of
from bench.cpu import CpuMeter
from bench.edges import NG_PORT, EdgePlan, Sides, allow_files, callseal_edge, engine, neighbours
from bench.endpoint import Leg
from bench.media_rows import CALL_S, FLOWS, WORDS, Row, Stretch, Variant, growth_table, table
from bench.ng_call import NgClient, PlainCall
from bench.report import conditions, last_line, surroundings, system_load, write_json
from bench.talk import Talk
from bench.voice import FRAME_S, Voice
from callseal.lab.block import Block
from callseal.lab.rootfs import BASELINE, Rootfs

GOAL = 1.05
RESULTS = Path(__file__).parent / "results" / "media.json"


SETTLE_S = 1.5
QUICK_SETTLE_S = 0.5
AT_A_TIME = 5


class Bench:
    """One rtpengine, and calls on it of every variant in turn."""

    def __init__(
        self, meter: CpuMeter, ng: NgClient, sides: dict[str, Sides], block: Block, settle_s: float
    ) -> None:
        self._settle_s = settle_s
        self._meter = meter
        self._ng = ng
        self._sides = sides
        self._block = block
        self.late_s = 0.0
        self.wrong: list[str] = []

    async def stretch(self, variant: Variant, calls: int, seconds: float, *, growth: bool = False) -> Stretch:
        """With `growth` fewer packets than wanted are no fault: with very many calls the voices themselves fall behind."""
        if variant == "plain":
            return await self._plain(calls, seconds)
        side = self._sides["two" if variant == "two" else "one"]
        self._meter.lap()
        customers: list[Leg] = []
        while len(customers) < calls:
            some = range(min(AT_A_TIME, calls - len(customers)))
            customers += await asyncio.gather(*(side.carrier.call(NUMBER, "+447700900123") for _ in some))
        agents = [agent_of(side, customer) for customer in customers]
        voices = [leg.voice for leg in (*customers, *agents)]
        signalling = self._meter.lap()
        if variant == "secured":
            for customer in customers:
                for leg in (side.partner.other[customer.call_id], side.partner.legs[customer.call_id]):
                    await side.partner.secure(leg)
                    voices.append(leg.voice)
        talk, packets, passed = await self._talk(voices, seconds)
        self._meter.lap()
        for customer, agent in zip(customers, agents, strict=True):
            side.carrier.hang_up(customer)
            async with asyncio.timeout(8):
                await agent.over.wait()
        await asyncio.sleep(0.2)
        signalling += self._meter.lap()
        stretch = Stretch(calls, passed, signalling, talk, packets)
        return stretch if growth else self._checked(variant, stretch)

    async def _plain(self, calls: int, seconds: float) -> Stretch:
        self._meter.lap()
        up = [await PlainCall.dial(self._ng, self._block.customer, self._block.agent) for _ in range(calls)]
        signalling = self._meter.lap()
        voices = [voice for call in up for voice in (call.customer, call.agent)]
        talk, packets, passed = await self._talk(voices, seconds)
        self._meter.lap()
        for call in up:
            await call.hang_up(self._ng)
        await asyncio.sleep(0.2)
        signalling += self._meter.lap()
        return self._checked("plain", Stretch(calls, passed, signalling, talk, packets))

    async def _talk(self, voices: list[Voice], seconds: float) -> tuple[float, int, float]:
        """CPU seconds, packets forwarded, seconds passed; the first packets of a call are not in it."""
        async with Talk(lambda: voices) as talk:
            await asyncio.sleep(self._settle_s)
            self._meter.lap()
            packets, start = await self._ng.relayed(), time.monotonic()
            await asyncio.sleep(seconds)
            passed = time.monotonic() - start
            cpu = self._meter.lap()
            packets = await self._ng.relayed() - packets
        self.late_s = max(self.late_s, talk.late_s)
        return cpu, packets, passed

    def _checked(self, variant: Variant, stretch: Stretch) -> Stretch:
        """Media that did not flow as it should is no baseline and no result: said, and an error at the end."""
        seen = stretch.packets * FRAME_S / stretch.calls / stretch.seconds
        if not 0.9 * FLOWS[variant] <= seen <= 1.1 * FLOWS[variant]:
            self.wrong.append(
                f"{variant}: {seen:.2f} streams forwarded for a call instead of {FLOWS[variant]}"
            )
        return stretch


async def bench(
    options: argparse.Namespace, meter: CpuMeter, plans: list[EdgePlan], console: Console
) -> tuple[list[Row], list[Stretch], Bench]:
    shared = plans[0].engine
    ng = NgClient(shared.edge_media, NG_PORT)
    async with Sides(plans[0]) as one_side, Sides(plans[1]) as two_side:
        running = Bench(meter, ng, {"one": one_side, "two": two_side}, shared, options.settle)
        rows = {variant: Row(variant) for variant in WORDS}
        await running.stretch("plain", 2, 0.5)
        running.wrong.clear()
        for number in range(options.rounds):
            # Every other round the other way about: who comes first has the emptier rtpengine.
            for variant in list(WORDS)[:: 1 if number % 2 == 0 else -1]:
                stretch = await running.stretch(variant, options.calls, options.seconds)
                rows[variant].stretches.append(stretch)
            console.print(f"round {number + 1} of {options.rounds}", style="dim")
        grown = [await running.stretch("one", up, options.seconds, growth=True) for up in options.up]
    ng.close()
    return list(rows.values()), grown, running


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.media", description=__doc__)
    parser.add_argument("--calls", type=int, default=40, help="calls at a time (40)")
    parser.add_argument("--seconds", type=float, default=8.0, help="of RTP in one stretch (8)")
    parser.add_argument("--rounds", type=int, default=6, help="stretches of each variant (6)")
    parser.add_argument(
        "--up", type=lambda text: [int(each) for each in text.split(",")], default=[10, 50, 100, 200, 500]
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run of some seconds")
    parser.add_argument("--block", type=Block.parse, default=Block("127.93.0"), help="the first of three /24")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON goes")
    options = parser.parse_args(argv)
    options.settle = SETTLE_S
    if options.quick:
        options.settle = QUICK_SETTLE_S
        options.calls, options.seconds, options.rounds, options.up = 4, 1.0, 1, [4]
    if options.calls < 1 or options.rounds < 1 or min(options.up, default=1) < 1:
        parser.error("--calls, --rounds and --up must be 1 or more")
    return options


def main(argv: list[str] | None = None) -> int:
    """0 when all media flowed as it should, whatever the ratio; 1 when it did not."""
    options = arguments(argv)
    console = Console(highlight=False, soft_wrap=True, width=120)
    allow_files()
    around = surroundings(BASELINE)
    rootfs = Rootfs.build(BASELINE)
    shared, one, two = neighbours(options.block, 3)
    with tempfile.TemporaryDirectory(prefix="callseal-bench-") as scratch, ExitStack() as stack:
        root = Path(scratch)
        rtpengine = stack.enter_context(engine(rootfs, shared, root / "rtpengine.log"))
        plans = [EdgePlan(root / "1", one, shared, 1, "one"), EdgePlan(root / "2", two, shared, 2, "two")]
        for plan in plans:
            stack.enter_context(callseal_edge(rootfs, plan))
        rows, grown, running = asyncio.run(bench(options, CpuMeter(rtpengine.pid), plans, console))
    around["load_at_end"] = system_load()
    plain = rows[0]
    ratio = rows[1].mean("call") / plain.mean("call")
    write_json(
        options.out,
        {
            **around,
            "bench": "media",
            "ratio": round(ratio, 3),
            "goal": GOAL,
            "call_seconds": CALL_S,
            "calls_at_a_time": options.calls,
            "voices_late_ms": round(running.late_s * 1000, 1),
            "wrong": running.wrong,
            "rows": [row.as_json(plain) for row in rows],
            "growth": [
                {
                    "calls": each.calls,
                    "ms_per_second_of_rtp": round(each.talk / each.calls / each.seconds * 1000, 4),
                    "streams_forwarded": round(each.packets * FRAME_S / each.calls / each.seconds, 2),
                    "us_per_packet": round(each.talk / each.packets * 1e6, 2),
                }
                for each in grown
            ],
        },
    )
    console.print(table(rows))
    console.print(growth_table(grown))
    for wrong in running.wrong:
        console.print(wrong, style="red")
    console.print(
        conditions(around, options.out),
        style="dim",
    )
    console.print(last_line("media", ratio, GOAL))
    return 1 if running.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
