"""`python -m bench.failure`: with calls up and new ones coming, kill -9 of each part in turn, and a planned drain; what survives, how long
it is silent, what the card says, and whether a key of the secured call gets to the agent.

What is measured and what it means: docs/explanation/failure.md.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import sqlite3
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import httpx2
from rich.console import Console

from bench.endpoint import PeerError
from bench.failure_calls import Card, Ears, Stream, Typing, stand
from bench.failure_cases import CASES, Case, Found, judge, table
from bench.failure_page import page
from bench.failure_world import NamedWorkspace, NamedWorld
from bench.lab_check import lab_is_ready
from bench.peers import LiveCall, Peers
from bench.report import surroundings, system_load, write_json
from callseal.lab import second_edge
from callseal.lab.block import Block
from callseal.lab.choices import Choices
from callseal.lab.processes import EDGE
from callseal.lab.rootfs import BASELINE
from callseal.lab.story import DIALLED
from callseal.lab.workspace import Workspace
from callseal.lab.world import AGENT_LOGIN, World

RESULTS = Path(__file__).parent / "results" / "failure.json"
PAGE = Path(__file__).parents[1] / "docs" / "reference" / "failure.md"
LISTENED = 10
SETTLE_S, WATCH_S, DOWN_S = 3.0, 12.0, 4.0
GONE = (TimeoutError, PeerError, RuntimeError, httpx2.HTTPError)


class Bench:
    def __init__(self, world: World, options: argparse.Namespace) -> None:
        self.world = world
        self.options = options
        self.edges = [world.block.kamailio, second_edge.sip(world.block)]
        self.chance = random.Random(options.seed)

    async def run(self, case: Case) -> Found:
        world, block, options = self.world, self.world.block, self.options
        found = Found(case.name, options.calls)
        ears = Ears()
        card = Card(world.desk_url, AGENT_LOGIN, world.workspace.secret(f"agent-{AGENT_LOGIN}"))
        async with Peers(block.customer, block.agent, block.kamailio) as peers, card:
            stream = Stream(peers, self.edges, DIALLED, options.rate, self.chance)
            calls = await stand(peers, DIALLED, options.calls, LISTENED + 1)
            secured = calls[0]
            await card.wait_state(secured.reference, "ready")
            await card.press(secured.reference, "secure")
            await card.wait_state(secured.reference, "secured")
            for number, call in enumerate(calls):
                ears.attach(f"{number}.customer", call.customer)
                ears.attach(f"{number}.agent", call.agent)
            typing = Typing(secured, card)
            coming = asyncio.create_task(stream.run())
            await asyncio.sleep(SETTLE_S)
            ears.mark()
            card.mark()
            typing.start()
            peers.talk.late_s = 0.0
            stream.tried = stream.answered = stream.second_edge = stream.lost = 0
            killed = time.monotonic()
            draining = await self._drain() if case.planned else None
            await self._fail(case)
            if "kamailio" in case.victims:
                # The platform's requests inside dialogs know both addresses; the carrier finds out with its next call.
                peers.platform.steer(self.edges[1])
            await asyncio.sleep(WATCH_S - (time.monotonic() - killed))
            coming.cancel()
            await stream.over()
            self._read(case, found, ears, card, calls, killed)
            found.keys_leaked, found.keys_pressed = await typing.leaked(), typing.pressed
            found.voices_late = peers.talk.late_s
            found.secured_state = await self._state(secured.reference)
            found.tried, found.answered = stream.tried, stream.answered
            found.second_edge, found.lost = stream.second_edge, stream.lost
            if case.hang_up:
                found.hung_up = sum([await self._ends(peers, call) for call in calls])
            if draining is not None:
                found.drained = await self._drained(draining, killed)
        judge(case, found)
        return found

    async def _fail(self, case: Case) -> None:
        daemons = [self.world.daemons[name] for name in case.victims]
        for daemon in daemons:
            daemon.kill()
        if not case.victims and not case.planned:
            await self._lock_store()
        elif case.restart:
            await asyncio.sleep(DOWN_S)
            for daemon in daemons:
                daemon.start()

    async def _drain(self) -> asyncio.subprocess.Process:
        workspace = self.world.workspace
        argv = ("drain", workspace.deployment, "--edge", EDGE, "--router", workspace.router, "--limit", "60")
        command = Path(sys.executable).with_name("callseal")
        return await asyncio.create_subprocess_exec(command, *argv, stdout=asyncio.subprocess.DEVNULL)

    async def _drained(self, draining: asyncio.subprocess.Process, begun: float) -> float | None:
        """Seconds from the command to its end; None when it says that something was left."""
        status = await draining.wait()
        return time.monotonic() - begun if status == 0 else None

    async def _lock_store(self) -> None:
        await asyncio.to_thread(_hold_lock, self.world.workspace.root / "state" / "desk.sqlite3")

    def _read(
        self, case: Case, found: Found, ears: Ears, card: Card, calls: list[LiveCall], killed: float
    ) -> None:
        gaps = ears.gaps()
        found.secured_gap = max(gap for name, gap in gaps.items() if name.startswith("0."))
        found.gaps = sorted(gap for name, gap in gaps.items() if 0 < int(name.partition(".")[0]) <= LISTENED)
        found.deaf_after = len([name for name in ears.deaf() if not name.startswith("0.")])
        said = card.said
        if case.open_says:
            found.card_open = _since(
                killed, (said.get((call.reference, case.open_says)) for call in calls[1:])
            )
            found.card_back = _since(killed, (said.get((call.reference, "media_back")) for call in calls[1:]))
        if case.secured_says:
            # Whatever it says first that makes it no longer secure.
            reference = calls[0].reference
            times = [said.get((reference, what)) for what in (case.secured_says, "state:restoring")]
            found.card_secured = min(_since(killed, times), default=None)
        again = said.get((calls[0].reference, "state:secured"))
        found.secured_again = None if again is None else again - killed

    async def _state(self, reference: str) -> str:
        """What a card that is opened now would say; a desk that is just coming back has some seconds more."""
        secret = self.world.workspace.secret(f"agent-{AGENT_LOGIN}")
        for _ in range(10):
            with suppress(*GONE):
                async with Card(self.world.desk_url, AGENT_LOGIN, secret) as fresh:
                    answer = await fresh._http.get(f"/v1/calls/{reference}")
                    return str(answer.json()["state"])
            await asyncio.sleep(1)
        return "unknown"

    async def _ends(self, peers: Peers, call: LiveCall) -> bool:
        with suppress(*GONE):
            async with asyncio.timeout(2):
                await peers.hang_up(call)
            return True
        return False


def _hold_lock(store: Path) -> None:
    thief = sqlite3.connect(store, isolation_level=None, timeout=5)
    thief.execute("BEGIN IMMEDIATE")
    time.sleep(DOWN_S)
    thief.execute("ROLLBACK")
    thief.close()


def _since(begun: float, times: object) -> list[float]:
    return sorted(at - begun for at in times if at is not None)  # type: ignore[attr-defined]


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.failure", description=__doc__)
    parser.add_argument("--calls", type=int, default=50, help="calls up (50)")
    parser.add_argument("--rate", type=float, default=10.0, help="new calls a second (10)")
    parser.add_argument("--only", help="cases whose name holds this")
    parser.add_argument("--block", type=Block.parse, default=Block("127.92.0"), help="the lab's /24")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON goes")
    parser.add_argument("--page", type=Path, help=f"write the dated table too ({PAGE.name})")
    parser.add_argument("--seed", type=int, default=1, help="of the moments at which calls begin")
    parser.add_argument("--keep", type=Path, help="keep the workspaces (logs, state) here")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """0 when everything survived that should, 1 when not, 2 when the lab cannot start. A fresh world for each case."""
    options = arguments(argv)
    console = Console(highlight=False, soft_wrap=True)
    if not lab_is_ready(options.block, console):
        return 2
    around = surroundings(BASELINE)
    results: list[Found] = []
    for case in (one for one in CASES if not options.only or options.only in one.name):
        with tempfile.TemporaryDirectory(prefix="callseal-bench-") as scratch:
            root = (options.keep or Path(scratch)) / re.sub(r"\W+", "-", case.name)
            console.print(case.name, style="dim")
            workspace, kind = (NamedWorkspace, NamedWorld) if case.names else (Workspace, World)
            with kind(workspace(root, options.block), Choices(edges=2)) as world:
                results.append(asyncio.run(Bench(world, options).run(case)))
        around["load_at_end"] = system_load()
        content = {
            **around,
            "bench": "failure",
            "calls": options.calls,
            "rate": options.rate,
            "cases": [asdict(one) for one in results],
        }
        # After each case: what was measured stays, whatever comes next.
        write_json(options.out, content)
        if options.page:
            options.page.write_text(page(content), encoding="utf-8")
    console.print(table(results))
    return 1 if any(one.faults for one in results) else 0


if __name__ == "__main__":
    sys.exit(main())
