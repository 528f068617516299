"""Two rtpengines, the edge's with the tone filter, and lines through them on which keys are pressed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

from bench.bleed_cells import FENCES, KEYS, Barriers, Cell
from bench.bleed_ear import hear
from bench.bleed_line import Clock, Line, Ng
from bench.bleed_partner import Masked, MaskingPartner
from bench.bleed_sound import EVENTS, REDUNDANCY, WIDE_EVENTS, Tick, Way, hiss, pressed
from callseal.lab.rootfs import Rootfs
from callseal.lab.router import Rtpengine
from callseal.lab.tone_filter import build
from callseal.wire.ng import NgValue
from callseal.wire.rtp import PCMA, PCMU

NETWORK = "127.94.2"


CODECS = {"PCMU": ("0", PCMU), "PCMA": ("8", PCMA)}


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
