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
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.bleed_ear import Found, hear, keys_in
from bench.bleed_line import Clock, Line, Ng
from bench.bleed_partner import Masked, MaskingPartner
from bench.bleed_sound import EVENTS, REDUNDANCY, WAYS, WIDE_EVENTS, Out, Tick, Way, hiss, pressed
from bench.cpu import CpuMeter
from bench.report import last_line, surroundings, write_json
from callseal.lab.rootfs import BASELINE, COMPATIBILITY, Rootfs
from callseal.lab.router import Rtpengine
from callseal.lab.tone_filter import build
from callseal.wire.g711 import decode_ulaw
from callseal.wire.ng import NgValue
from callseal.wire.rtp import PCMA, PCMU, RtpPacket

GOAL = 0.0
RESULTS = Path(__file__).parent / "results" / "bleed.json"
NETWORK = "127.94.2"
MASKED_LINES = 4
"""At once: mask and capture are Python, and share a CPU with the clock."""
KEYS = "0123456789*#"
CODECS = {"PCMU": ("0", PCMU), "PCMA": ("8", PCMA)}

FENCES: dict[str, dict[str, NgValue]] = {
    "events": {},
    "tones": {"DTMF-security": "silence", "flags": ["detect-DTMF"]},
    "mute": {},
}
"""What `router/fence.cfg` asks of rtpengine beyond `block DTMF label=partner`."""


@dataclass(frozen=True, slots=True)
class Barriers:
    """Which of them stand. No fence, no mask: that keys are heard at all is shown first."""

    fence: str = ""
    mask: bool = False

    @property
    def name(self) -> str:
        parts = [f"fence {self.fence}" if self.fence else "", "mask" if self.mask else ""]
        return " and ".join(filter(None, parts)) or "neither"


SETS = tuple(Barriers(fence, mask) for mask in (False, True) for fence in ("", *FENCES))


def must_be_silent(barriers: Barriers, way: Way) -> bool:
    """Where the leak table says 0."""
    if barriers.mask or barriers.fence == "mute":
        return True
    if not barriers.fence or way.payload_type not in (EVENTS, WIDE_EVENTS) or way.kind == "redundant":
        return False
    return barriers.fence == "tones" or not way.audible


@dataclass(slots=True)
class Cell:
    """One way through one set of barriers in one codec."""

    way: str
    barriers: str
    codec: str
    silent: bool
    tried: int = 0
    found: Found = field(default_factory=Found)
    captured: int = 0
    lost: int = 0
    doubled: int = 0

    def add(self, keys: str, found: Found, captured: list[str] | None) -> None:
        self.tried += len(keys)
        for name in ("events", "tones", "fragments", "packets", "strange"):
            setattr(self.found, name, getattr(self.found, name) + getattr(found, name))
        self.found.fragment_ms = max(self.found.fragment_ms, found.fragment_ms)
        if captured is not None:
            self.captured += len(captured)
            self.lost += max(0, len(keys) - len(captured))
            self.doubled += max(0, len(captured) - len(keys))
            if len(captured) == len(keys) and "".join(captured) != keys:
                self.lost += 1

    @property
    def leaks(self) -> bool:
        return self.found.keys > 0 or self.found.fragments > 0


class Bench:
    """Two rtpengines, the edge's with the tone filter, and lines through them."""

    def __init__(
        self,
        suite: str,
        scratch: Path,
        stack: ExitStack,
        *,
        network: str = NETWORK,
        filtered: bool = True,
        speed: float = 1.0,
    ) -> None:
        rootfs = Rootfs.build(suite)
        edge, partner_media = f"{network}.21", f"{network}.31"
        self.customer, self.platform = f"{network}.10", f"{network}.40"
        feed = (partner_media, 2230)
        self.engine = Rtpengine(
            rootfs,
            media=edge,
            ng=(edge, 2223),
            log=scratch / "edge.log",
            tone_filter=build() if filtered else None,
        )
        partner = Rtpengine(
            rootfs,
            media=partner_media,
            ng=(partner_media, 2223),
            log=scratch / "partner.log",
            extra=(f"--dtmf-log-dest={feed[0]}:{feed[1]}",),
        )
        for engine in (self.engine, partner):
            engine.start()
            stack.callback(engine.stop)
        for engine in (self.engine, partner):
            engine.wait_ready()
        self.logs = (scratch / "edge.log", scratch / "partner.log")
        self.ng = Ng((edge, 2223))
        stack.callback(self.ng.close)
        self.partner = stack.enter_context(MaskingPartner((partner_media, 2223), feed, partner_media))
        self.clock = Clock(speed)

    def dial(self, barriers: Barriers, codec: str) -> Line:
        masked = self.partner.call() if barriers.mask else None
        line = Line.dial(
            self.ng,
            self.customer,
            self.platform,
            codec=CODECS[codec][0],
            masked=masked,
            events=(EVENTS, WIDE_EVENTS) if barriers.mask else (EVENTS, WIDE_EVENTS, REDUNDANCY),
        )
        if barriers.fence:
            party: dict[str, NgValue] = {"call-id": line.call_id, "label": "partner"}
            self.ng.ask("block DTMF", **party, **FENCES[barriers.fence])
            if barriers.fence == "mute":
                self.ng.ask("block media", **party)
        return line

    def press(self, jobs: list[tuple[Cell, Way, Barriers, str]], digits: int, chance: random.Random) -> None:
        """Each job on a line of its own, all at once."""
        lines, keyed = [], []
        for _, way, barriers, codec in jobs:
            line = self.dial(barriers, codec)
            keys = "".join(chance.choice(KEYS) for _ in range(digits))
            # Made before the clock runs: it would make it late.
            line.ticks = iter(list(_sound(way, keys, random.Random(chance.random()), CODECS[codec][1])))
            lines.append(line)
            keyed.append(keys)
        self.clock.run(lines)
        for (cell, way, _, _), line, keys in zip(jobs, lines, keyed, strict=True):
            # Over an open line a rest of a tone is what is louder than the line; over a voice it must be heard as a key.
            found = hear(line.arrived, hiss=way.kind != "speech")
            cell.add(keys, found, line.masked.captured if isinstance(line.masked, Masked) else None)
            line.hang_up(self.ng)


def _sound(way: Way, keys: str, chance: random.Random, codec: int) -> Iterator[Tick]:
    return chain(
        hiss(10, chance, payload_type=codec),
        pressed(way, keys, chance, payload_type=codec),
        hiss(25, chance, payload_type=codec),
    )


def delay_ms(bench: Bench, barriers: Barriers) -> float:
    """How much later a click arrives than it was sent: the quickest of ten, because others use this machine too."""
    line = bench.dial(barriers, "PCMU")
    chance = random.Random(1)
    line.ticks = chain(
        hiss(20, chance), *(chain(hiss(7, chance), (CLICK,)) for _ in range(CLICKS)), hiss(15, chance)
    )
    Clock().run([line])
    sent = [line.sent_at[20 + 8 * number + 7] * 1000 + 10 for number in range(CLICKS)]
    came = [at for at in map(_click_at, line.arrived) if at is not None]
    line.hang_up(bench.ng)
    return min((later - at for at, later in zip(sent, came, strict=False)), default=-1.0)


CLICKS = 10
CLICK: Tick = (Out(PCMU, b"\xff" * 80 + b"\x80" * 4 + b"\xff" * 76),)
"""Ten milliseconds into its packet."""


def _click_at(arrived: tuple[float, bytes]) -> float | None:
    packet = RtpPacket.parse(arrived[1])
    samples = decode_ulaw(packet.payload) if packet.payload_type == PCMU else ()
    loud = next((place for place, sample in enumerate(samples) if abs(sample) > 5000), None)
    return None if loud is None else arrived[0] * 1000 + loud / 8


def cpu_us(bench: Bench, fence: str, lines: int, seconds: float) -> float:
    """rtpengine's CPU for one packet of a leg with that fence, microseconds."""
    up = [bench.dial(Barriers(fence), "PCMU") for _ in range(lines)]
    chance = random.Random(2)
    shared = list(hiss(50, chance))
    for line in up:
        line.ticks = iter(shared * int(seconds))
    meter = CpuMeter(bench.engine.pid)
    meter.lap()
    Clock().run(up, linger_s=0.1)
    spent = meter.lap()
    packets = sum(line.sent for line in up)
    for line in up:
        line.hang_up(bench.ng)
    return spent / packets * 1e6


def _costs(bench: Bench, lines: int) -> dict[str, dict[str, float | None]]:
    """Milliseconds one way, and microseconds of rtpengine's CPU a packet; of the mask only the time (it is Python)."""
    costs: dict[str, dict[str, float | None]] = {
        fence or "none": {
            "delay_ms": round(delay_ms(bench, Barriers(fence)), 1) if fence != "mute" else None,
            "cpu_us_per_packet": round(cpu_us(bench, fence, lines, 8), 1),
        }
        for fence in ("", *FENCES)
    }
    costs["mask"] = {"delay_ms": round(delay_ms(bench, Barriers("", mask=True)), 1)}
    return costs


def table(cells: list[Cell]) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in (
        "barriers",
        "codec",
        "keys tried",
        "heard",
        "longest rest ms",
        "captured",
        "lost",
        "doubled",
    ):
        shown.add_column(name, justify="left" if name in ("barriers", "codec") else "right", no_wrap=True)
    for row in summed(cells):
        shown.add_row(*map(str, row.values()))
    return shown


def summed(cells: list[Cell]) -> list[dict[str, Any]]:
    """By barriers and codec, where the table says 0; the others apart."""
    rows: dict[tuple[str, str, bool], dict[str, Any]] = {}
    for cell in cells:
        row = rows.setdefault(
            (cell.barriers, cell.codec, cell.silent),
            {
                "barriers": cell.barriers + ("" if cell.silent else " (may pass)"),
                "codec": cell.codec,
                "tried": 0,
                "heard": 0,
                "fragment_ms": 0.0,
                "captured": 0,
                "lost": 0,
                "doubled": 0,
            },
        )
        row["tried"] += cell.tried
        row["heard"] += cell.found.keys
        row["fragment_ms"] = max(row["fragment_ms"], cell.found.fragment_ms)
        for name in ("captured", "lost", "doubled"):
            row[name] += getattr(cell, name)
    return list(rows.values())


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
        while rounds < options.rounds or _tried(cells) < options.digits:
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
                    f"{_tried(cells)} keys, {_leaked(cells)} heard, {time.monotonic() - began:.0f} s",
                    style="dim",
                )
        costs = {} if options.quick else _costs(bench, options.lines)
        alive = bench.engine.alive
        printed = sum(len(keys_in(log)) for log in bench.logs)
    around["load_at_end"] = [round(each, 1) for each in os.getloadavg()]
    found = list(cells.values())
    tried, leaked = _tried(cells), _leaked(cells)
    ratio = leaked / tried if tried else 1.0
    faults = _faults(found, alive=alive)
    if printed:
        faults.append(f"{printed} keys stand in rtpengine's log")
    write_json(
        options.out,
        {
            **around,
            "bench": "bleed",
            "ratio": ratio,
            "goal": GOAL,
            "seed": options.seed,
            "keys_tried": tried,
            "keys_heard": leaked,
            "seconds": round(time.monotonic() - began),
            "clock_late_ms": round(bench.clock.late_s * 1000, 1),
            "faults": faults,
            "costs": costs,
            "cells": [asdict(cell) for cell in found],
        },
    )
    console.print(table(found))
    for name, cost in costs.items():
        console.print(f"fence {name}: {cost}" if name != "mask" else f"mask: {cost}")
    for fault in faults:
        console.print(fault, style="red")
    if options.page is not None:
        _write_page(options.page, around, found, tried, leaked)
    console.print(
        f"{tried} keys tried where the table says 0, {leaked} heard; seed {options.seed}; {options.out}",
        style="dim",
    )
    console.print(last_line("bleed", ratio, GOAL))
    return 1 if faults else 0


Job = tuple[Way, Barriers, str]


def _batches(work: list[Job], lines: int, masked_lines: int) -> Iterator[list[Job]]:
    for masked, size in ((False, lines), (True, masked_lines)):
        some = [job for job in work if job[1].mask is masked]
        yield from (some[at : at + size] for at in range(0, len(some), size))


def _tried(cells: dict[tuple[str, str, str], Cell]) -> int:
    return sum(cell.tried for cell in cells.values() if cell.silent)


def _leaked(cells: dict[tuple[str, str, str], Cell]) -> int:
    return sum(cell.found.keys for cell in cells.values() if cell.silent)


def _faults(cells: list[Cell], *, alive: bool) -> list[str]:
    faults = [] if alive else ["rtpengine has died"]
    for cell in cells:
        name = f"{cell.way}, {cell.barriers}, {cell.codec}"
        if cell.silent and cell.leaks:
            faults.append(
                f"{name}: {cell.found.keys} of {cell.tried} keys heard, rests of {cell.found.fragment_ms} ms"
            )
        if cell.barriers == "neither" and not cell.leaks:
            faults.append(f"{name}: nothing heard, so silence elsewhere proves nothing")
        if cell.lost or cell.doubled:
            faults.append(
                f"{name}: of {cell.tried} keys {cell.lost} lost, {cell.doubled} doubled at the partner"
            )
    return faults


def _write_page(page: Path, around: dict[str, Any], cells: list[Cell], tried: int, leaked: int) -> None:
    lost, doubled = (sum(getattr(cell, name) for cell in cells) for name in ("lost", "doubled"))
    rest = max((cell.found.fragment_ms for cell in cells if cell.silent), default=0.0)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(
        f"| {str(around['date'])[:10]} | {around['rtpengine']} | {tried} | {leaked} | {rest} ms |"
        f" {sum(cell.captured for cell in cells)} | {lost} | {doubled} |\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    sys.exit(main())
