"""What the barriers cost: delay of a click, and rtpengine's CPU for a packet."""

from __future__ import annotations

import random
from itertools import chain

from bench.bleed_cells import FENCES, Barriers
from bench.bleed_line import Clock
from bench.bleed_rig import Bench
from bench.bleed_sound import Out, Tick, hiss
from bench.cpu import CpuMeter
from callseal.wire.g711 import decode_ulaw
from callseal.wire.rtp import PCMU, RtpPacket


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


def costs(bench: Bench, lines: int) -> dict[str, dict[str, float | None]]:
    """Milliseconds one way, and microseconds of rtpengine's CPU a packet; of the mask only the time (it is Python)."""
    found: dict[str, dict[str, float | None]] = {
        fence or "none": {
            "delay_ms": round(delay_ms(bench, Barriers(fence)), 1) if fence != "mute" else None,
            "cpu_us_per_packet": round(cpu_us(bench, fence, lines, 8), 1),
        }
        for fence in ("", *FENCES)
    }
    found["mask"] = {"delay_ms": round(delay_ms(bench, Barriers("", mask=True)), 1)}
    return found
