"""`python -m bench.secure`: press -> secured and release -> restored, beside two plain re-INVITEs on the same router.

What is measured and what is not: README.md.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import httpx2
from rich.console import Console

from bench.desk_client import DeskClient
from bench.endpoint import PeerError
from bench.lab_check import lab_is_ready
from bench.peers import LiveCall, Peers
from bench.probes import PartnerAlone, press, router_alone
from bench.report import conditions, last_line, surroundings, system_load, worst, write_json
from bench.secure_load import DIRECTIONS, Load, table
from callseal.lab.block import Block
from callseal.lab.rootfs import BASELINE
from callseal.lab.story import DIALLED
from callseal.lab.workspace import Workspace
from callseal.lab.world import AGENT_LOGIN, World

GOAL = 3.0
RESULTS = Path(__file__).parent / "results" / "secure.json"
PAST_PARTNER = "+442079469000"
_PAST_PARTNER = """
[[numbers]]
match = "+442079469"
tenant = "acme"
carrier = "carrier-a"
partner_down = "bypass"
payments = false
"""


NOTE = """\
no desk: the same partner, router and peers, asked directly, in turn with the presses
(1) RTP seen at the new place on both sides of the ratio   (2) on neither side"""
WARM_UP = 5
BASELINE_EVERY = 4
PAUSE_S = (0.005, 0.025)
"""Between two moves: people do not press in step with the clock of the voices, and no move shall begin inside another."""

FAILURES = (TimeoutError, RuntimeError, PeerError, httpx2.HTTPError)
PATIENCE = 10

T = TypeVar("T")


class BenchWorkspace(Workspace):
    """The sandbox with one number more, whose calls take no payments and so go past the partner."""

    def prepare(self) -> None:
        Workspace.prepare(self)
        with self.deployment.open("a", encoding="utf-8") as deployment:
            deployment.write(_PAST_PARTNER)


class Bench:
    """One world, and the calls in it. `rng` decides the pauses."""

    def __init__(self, world: World, peers: Peers, desk: DeskClient, rng: random.Random) -> None:
        self._world = world
        self._peers = peers
        self._desk = desk
        self._rng = rng
        self._calls: list[LiveCall] = []
        self._past: LiveCall
        self._beside: PartnerAlone

    async def run(self, loads: list[int], presses: int, console: Console) -> list[Load]:
        """`presses` of each kind, spread evenly over `loads` (calls up, rising)."""
        self._past = await self._peers.dial(PAST_PARTNER)
        self._beside = await self._new_beside()
        try:
            shares = [presses // len(loads) + (number < presses % len(loads)) for number in range(len(loads))]
            return [
                await self._one_load(calls, share, console)
                for calls, share in zip(loads, shares, strict=True)
            ]
        finally:
            await self._beside.close()

    async def _one_load(self, calls: int, presses: int, console: Console) -> Load:
        while len(self._calls) < calls:
            self._calls.append(await self._dial())
        load = Load(calls)
        await self._measure(Load(calls), WARM_UP)
        start = time.monotonic()
        await self._measure(load, presses)
        console.print(
            f"{calls:3} call{'s' if calls > 1 else ' '} up: {presses} presses and as many releases"
            f" in {time.monotonic() - start:.0f} s",
            style="dim",
        )
        return load

    async def _dial(self) -> LiveCall:
        call = await self._peers.dial(DIALLED)
        await self._desk.wait_state(call.reference, "ready")
        return call

    async def _new_beside(self) -> PartnerAlone:
        beside = PartnerAlone(self._world, await self._dial(), self._desk)
        await beside.open()
        return beside

    async def _measure(self, load: Load, count: int) -> None:
        for number in range(count):
            call = self._calls[number % len(self._calls)]
            for direction in DIRECTIONS:
                await self._pause()
                one = await self._or_failure(load, f"press {direction}", press(self._desk, call, direction))
                if one is None:
                    await self._replace(call)
                    break
                load.presses[direction].append(one)
            if number % BASELINE_EVERY == 0:
                await self._measure_baselines(load)

    async def _measure_baselines(self, load: Load) -> None:
        for direction in DIRECTIONS:
            await self._pause()
            one = await self._or_failure(load, f"baseline {direction}", self._beside.move(direction))
            if one is None:
                await self._beside.close()
                await self._hang_up(self._beside.call)
                self._beside = await self._again(self._new_beside)
                break
            load.plain[direction].append(one)
        await self._pause()
        alone = await self._or_failure(load, "router alone", router_alone(self._peers, self._past))
        if alone is not None:
            load.router.append(alone)

    async def _or_failure(self, load: Load, what: str, work: Awaitable[T]) -> T | None:
        try:
            return await work
        except FAILURES as error:
            load.failures.append(f"{what}: {type(error).__name__} {error}".strip())
            return None

    async def _replace(self, call: LiveCall) -> None:
        """A call that went wrong is hung up; it is counted, and another takes its place."""
        await self._hang_up(call)
        self._calls[self._calls.index(call)] = await self._again(self._dial)

    async def _hang_up(self, call: LiveCall) -> None:
        with suppress(*FAILURES):
            await self._peers.hang_up(call)

    async def _again(self, make: Callable[[], Awaitable[T]]) -> T:
        """Whatever made the call before go wrong may last for a moment."""
        for _ in range(PATIENCE - 1):
            with suppress(*FAILURES):
                return await make()
            await asyncio.sleep(1)
        return await make()

    async def _pause(self) -> None:
        await asyncio.sleep(self._rng.uniform(*PAUSE_S))


async def bench(options: argparse.Namespace, world: World, console: Console) -> tuple[list[Load], float]:
    block = world.block
    desk = DeskClient(world.desk_url, AGENT_LOGIN, world.workspace.secret(f"agent-{AGENT_LOGIN}"))
    async with Peers(block.customer, block.agent, block.kamailio) as peers, desk:
        loads = await Bench(world, peers, desk, random.Random(options.seed)).run(
            options.calls, options.presses, console
        )
        return loads, peers.talk.late_s


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.secure", description=__doc__)
    parser.add_argument(
        "--presses", type=int, default=1000, help="presses, and as many releases, over all loads (1000)"
    )
    parser.add_argument(
        "--calls", type=lambda text: [int(each) for each in text.split(",")], default=[1, 10, 50]
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run: 6 presses with 1 and 2 calls up")
    parser.add_argument("--block", type=Block.parse, default=Block("127.91.0"), help="the lab's /24")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON goes")
    parser.add_argument("--seed", type=int, default=1, help="of the pauses")
    parser.add_argument("--keep", type=Path, help="keep the workspace (logs, state) here")
    options = parser.parse_args(argv)
    if options.quick:
        options.presses, options.calls = 6, [1, 2]
    if (
        options.calls != sorted(set(options.calls))
        or options.calls[0] < 1
        or options.presses < len(options.calls)
    ):
        parser.error("--calls must rise from 1 or more, and there must be a press for each load")
    return options


def main(argv: list[str] | None = None) -> int:
    """0 when every press ended as it should, whatever the ratio; 1 when one did not; 2 when the lab cannot start."""
    options = arguments(argv)
    console = Console(highlight=False, soft_wrap=True)
    if not lab_is_ready(options.block, console):
        return 2
    around = surroundings(BASELINE)
    with tempfile.TemporaryDirectory(prefix="callseal-bench-") as scratch:
        workspace = BenchWorkspace(options.keep or Path(scratch), options.block)
        with World(workspace, stage=lambda text: console.print(text, style="dim")) as world:
            loads, late = asyncio.run(bench(options, world, console))
    ratio = worst(load.worst for load in loads)
    around["load_at_end"] = system_load()
    failures = sum(len(load.failures) for load in loads)
    write_json(
        options.out,
        {
            **around,
            "bench": "secure",
            "ratio": round(ratio, 2),
            "goal": GOAL,
            "voices_late_ms": round(late * 1000, 1),
            "loads": [load.as_json() for load in loads],
        },
    )
    console.print(table(loads))
    console.print(NOTE, style="dim")
    console.print(
        "RTP waited for by the press only: "
        + ", ".join(
            f"{each} {max(load.ratio(each, 'total', 'acknowledged') for load in loads):.1f}"
            for each in DIRECTIONS
        ),
        style="dim",
    )
    console.print(
        conditions(around, f"{failures} failed", options.out),
        style="dim",
    )
    console.print(last_line("secure", ratio, GOAL))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
