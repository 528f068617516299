"""`python -m bench.handoff`: from the partner's INVITE at the edge to the agent's card, at growing rates up to the knee.

What is measured and what is not: README.md.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import math
import os
import random
import sys
import tempfile
import time
from pathlib import Path

from playwright.async_api import Error as BrowserError
from rich.console import Console
from rich.table import Table

from bench.browser_card import BrowserCard
from bench.calls import NUMBER
from bench.cpu import CpuMeter
from bench.desk_client import ClientApart, DeskClient
from bench.disk import Disk
from bench.edges import allow_files
from bench.endpoint import Endpoint, Leg, PeerError
from bench.handoff_stages import Handed, stages
from bench.handoff_step import Step, knee
from bench.lab_check import lab_is_ready
from bench.light_partner import LightPartner
from bench.priority import prefer
from bench.report import (
    PERCENTILES,
    conditions,
    last_line,
    percentile,
    summary,
    surroundings,
    system_load,
    write_json,
)
from callseal.lab.block import Block
from callseal.lab.daemon import Daemon
from callseal.lab.processes import Processes
from callseal.lab.rootfs import BASELINE
from callseal.lab.workspace import Workspace
from callseal.lab.world import AGENT_LOGIN, World

GOAL_S = 0.1
RESULTS = Path(__file__).parent / "results" / "handoff.json"
HELD_S = 1.0
"""How long a call is up; its end costs edge agent and desk as much as its beginning, and belongs to the load."""
WARM_UP = 5
OURS = ("kamailio", "rtpengine-edge", "edge-agent", "desk")
WATCHED = (*OURS, "platform")
SHARE = -6
"""Niceness of their sessions: weight 3,906 to 1,024, the `CPUWeight=400` to 100 of their units (infra/systemd)."""
STAGE_NAMES = ("edge", "desk", "card")
FAILURES = (TimeoutError, PeerError)


class HandoffProcesses(Processes):
    """Everything real between edge and card. Carrier, partner and platform's SIP side are light peers: none of them is
    measured, and the sandbox partner would be the first to give up."""

    def services(self) -> list[Daemon]:
        return [daemon for daemon in super().services() if daemon.name not in {"partner", "psp"}]


class HandoffWorld(World):
    processes = HandoffProcesses


class Calls:
    """Carrier, partner and platform of the world, and calls that tell when their card came."""

    def __init__(self, world: World, desk: DeskClient) -> None:
        block = world.block
        self._desk = desk
        self.carrier = Endpoint(block.customer, block.kamailio)
        self.partner = LightPartner(block.partner, block.kamailio, block.partner_media)
        self.platform = Endpoint(block.agent, block.kamailio, rings=True)
        self._callers = itertools.count(447700900000)

    async def __aenter__(self) -> Calls:
        for endpoint in (self.carrier, self.partner, self.platform):
            await endpoint.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        for endpoint in (self.carrier, self.partner, self.platform):
            endpoint.close()

    async def one(self) -> Handed:
        """A whole call: when the partner's INVITE left, and when its event was on the agent's stream. Its end has come there, too:
        a desk that falls behind with the ends does not hold the rate."""
        customer, agent, reference, left = await self.dial()
        try:
            shown = await self._desk.wait_first(reference)
        finally:
            await asyncio.sleep(HELD_S)
            hung_up = time.monotonic()
            await self.end(customer, agent)
        ended = await self._desk.wait_state(reference, "ended")
        ready = self._desk.since[reference].get("ready", ended)
        return Handed(reference, left, shown, ready, hung_up, ended)

    async def dial(self) -> tuple[Leg, Leg, str, float]:
        """Both ends, the reference the platform was told, and when the partner's INVITE left (monotonic, s)."""
        customer = await self.carrier.call(NUMBER, f"+{next(self._callers)}")
        second = self.partner.other[customer.call_id].call_id
        agent = self.platform.legs[second]
        return customer, agent, self.platform.references[second], self.partner.sent_at[second]

    async def end(self, customer: Leg, agent: Leg) -> None:
        self.carrier.hang_up(customer)
        async with asyncio.timeout(8):
            await agent.over.wait()


async def step(
    calls: Calls,
    rate: float,
    count: int,
    rng: random.Random,
    meters: dict[str, CpuMeter],
    disk: Disk,
    logs: Path,
) -> Step:
    """`count` calls that come as people call: at random, `rate` a second in the mean."""
    found = Step(rate)
    for meter in meters.values():
        meter.lap()
    disk.samples = []
    own, start = time.process_time(), time.monotonic()
    due, running = start, []
    for _ in range(count):
        due += rng.expovariate(rate)
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        running.append(asyncio.create_task(calls.one()))
    passed = time.monotonic() - start
    found.late = start + passed - due
    found.cpu = {name: round(meter.lap() / passed, 3) for name, meter in meters.items()}
    found.cpu["this bench"] = round((time.process_time() - own) / passed, 3)
    handed: list[Handed] = []
    for outcome in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(outcome, Handed):
            handed.append(outcome)
            found.delays.append(outcome.shown - outcome.left)
            found.ready.append(outcome.ready - outcome.left)
            found.ends.append(outcome.ended - outcome.hung_up)
        elif isinstance(outcome, FAILURES):
            found.failures.append(f"{type(outcome).__name__} {outcome}".strip())
        else:
            raise outcome
    found.load = os.getloadavg()[0]
    found.flushes = disk.samples
    found.stages = stages(handed, logs / "edge-agent.log", logs / "desk.log")
    return found


async def in_browser(world: World, calls: Calls, desk: DeskClient, count: int) -> dict[str, list[float]]:
    """Calls one at a time with a real page open: seconds to the event, to the painted frame, and between the two."""
    found: dict[str, list[float]] = {"to_event": [], "to_frame": [], "event_to_frame": []}
    password = world.workspace.secret(f"agent-{AGENT_LOGIN}")
    async with BrowserCard(world.desk_url, AGENT_LOGIN, password) as page:
        for number in range(count + 1):
            customer, agent, reference, left = await calls.dial()
            event = await desk.wait_first(reference)
            painted = await page.painted(reference) - (time.time() - time.monotonic())
            if number:  # the first one warms the page up
                found["to_event"].append(event - left)
                found["to_frame"].append(painted - left)
                found["event_to_frame"].append(painted - event)
            await calls.end(customer, agent)
            # The page gives its place to the next call when this one has ended for it too.
            await desk.wait_state(reference, "ended")
            await asyncio.sleep(0.2)
    return found


async def bench(
    options: argparse.Namespace, world: World, console: Console
) -> tuple[list[Step], dict[str, list[float]]]:
    meters = {name: CpuMeter(world.daemons[name].pid) for name in WATCHED}
    rng = random.Random(options.seed)
    desk = ClientApart(world.desk_url, AGENT_LOGIN, world.workspace.secret(f"agent-{AGENT_LOGIN}"))
    steps: list[Step] = []
    async with desk, Calls(world, desk) as calls, Disk(world.workspace.root) as disk:
        await step(calls, options.rates[0], WARM_UP, rng, meters, disk, world.workspace.logs)
        browser = await in_browser(world, calls, desk, options.browser) if options.browser else {}
        for rate in options.rates:
            count = max(options.fewest, math.ceil(rate * options.seconds))
            steps.append(await step(calls, rate, count, rng, meters, disk, world.workspace.logs))
            console.print(f"{rate:g} calls a second: p99 {steps[-1].p99 * 1000:.0f} ms", style="dim")
            if not steps[-1].held:
                break
            await asyncio.sleep(1)
    return steps, browser


def table(steps: list[Step]) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in (
        "calls/s",
        "calls",
        "p50 ms",
        "p95",
        "p99",
        "held",
        "ready",
        "ends",
        "flush",
        *STAGE_NAMES,
        *(name.removesuffix("-edge") for name in WATCHED),
        "bench",
    ):
        shown.add_column(name, justify="right", no_wrap=True)
    for each in steps:
        shown.add_row(
            f"{each.rate:g}",
            str(len(each.delays)),
            *(f"{percentile(each.delays, share) * 1000:.0f}" for share in PERCENTILES),
            "yes" if each.held else "no",
            f"{percentile(each.ready, 50) * 1000:.0f}",
            f"{percentile(each.ends, 50) * 1000:.0f}",
            f"{percentile(each.flushes, 50) * 1000:.1f}",
            *(f"{percentile(samples, 50) * 1000:.0f}" for samples in each.stages.values()),
            *(f"{each.cpu[name]:.0%}" for name in (*WATCHED, "this bench")),
        )
    return shown


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.handoff", description=__doc__)
    parser.add_argument(
        "--rates",
        type=lambda text: [float(each) for each in text.split(",")],
        default=[2, 10, 20, 40, 60, 80, 100, 110, 120, 130, 140, 150, 160, 180, 200],
        help="calls a second, rising; the first one that is not held is the last",
    )
    parser.add_argument("--seconds", type=float, default=15.0, help="at each rate (15)")
    parser.add_argument("--fewest", type=int, default=100, help="calls at each rate (100)")
    parser.add_argument("--browser", type=int, default=20, help="calls watched in a real Chromium (20)")
    parser.add_argument("--quick", action="store_true", help="a smoke run of some seconds")
    parser.add_argument("--block", type=Block.parse, default=Block("127.94.0"), help="the lab's /24")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON goes")
    parser.add_argument(
        "--state",
        type=Path,
        help="where the lab's state and logs go: /dev/shm shows what holds without a disk",
    )
    parser.add_argument(
        "--prefer",
        type=int,
        default=0,
        help="niceness of the lab's sessions and this one, on a shared machine",
    )
    parser.add_argument(
        "--no-share",
        dest="share",
        action="store_false",
        help="give the daemons of edge and desk no more of the CPU than generator and platform, whatever their units ask for",
    )
    parser.add_argument("--seed", type=int, default=1, help="of the times between calls")
    options = parser.parse_args(argv)
    if options.quick:
        options.rates, options.seconds, options.fewest, options.browser = [4.0, 8.0], 1.0, 6, 2
    if options.rates != sorted(set(options.rates)) or options.rates[0] <= 0:
        parser.error("--rates must rise from more than 0")
    return options


def main(argv: list[str] | None = None) -> int:
    """0 when a rate was held, whatever the delay; 1 when none was; 2 when the lab cannot start."""
    options = arguments(argv)
    console = Console(highlight=False, soft_wrap=True, width=160)
    if not lab_is_ready(options.block, console):
        return 2
    allow_files()
    around = surroundings(BASELINE)
    with tempfile.TemporaryDirectory(prefix="callseal-bench-", dir=options.state) as scratch:
        workspace = Workspace(Path(scratch), options.block)
        with HandoffWorld(workspace, stage=lambda text: console.print(text, style="dim")) as world:
            if options.prefer:
                prefer((os.getpid(), *(daemon.pid for daemon in world.daemons.values())), options.prefer)
            if options.share:
                prefer((world.daemons[name].pid for name in OURS), max(options.prefer + SHARE, -20))
            try:
                steps, browser = asyncio.run(bench(options, world, console))
            except BrowserError as error:
                console.print(f"the browser: {error}", style="red")
                return 1
    around["load_at_end"] = system_load()
    best = knee(steps)
    ratio = best.p99 / GOAL_S if best else math.nan
    write_json(
        options.out,
        {
            **around,
            "bench": "handoff",
            "session_niceness": options.prefer,
            "share_of_units": options.share,
            "state": str(options.state or tempfile.gettempdir()),
            "ratio": round(ratio, 2),
            "goal": 1.0,
            "goal_p99_ms": GOAL_S * 1000,
            "knee_calls_a_second": best.rate if best else None,
            "steps": [each.as_json() for each in steps],
            "browser": {name: summary(samples) for name, samples in browser.items()},
        },
    )
    console.print(table(steps))
    for name, samples in browser.items():
        numbers = ", ".join(f"p{share} {percentile(samples, share) * 1000:.0f}" for share in PERCENTILES)
        console.print(
            f"in Chromium, {name.replace('_', ' ')}: {numbers} ms ({len(samples)} calls)", style="dim"
        )
    console.print(
        f"p99 {best.p99 * 1000:.0f} ms at {best.rate:g} calls a second, the highest rate held; goal"
        f" {GOAL_S * 1000:.0f} ms"
        if best
        else "no rate was held",
        style="dim",
    )
    console.print(
        conditions(around, options.out),
        style="dim",
    )
    console.print(last_line("handoff", ratio, 1.0))
    return 0 if best else 1


if __name__ == "__main__":
    sys.exit(main())
