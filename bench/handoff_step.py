"""One rate of bench-handoff: what its calls took, and whether it was held."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.report import percentile, summary

GROWTH = 2.0
SLACK_S = 0.02
ENOUGH_TO_JUDGE = 30
LATE_S = 0.25
"""So much later than its time may the last call of a step come: a generator that has no CPU left asks for less than the rate says."""


@dataclass(slots=True)
class Step:
    """One rate. Seconds, in the order of the calls: `delays` from the partner's INVITE to the card, `ready` to the card saying that the
    platform knows the call, `ends` from the BYE to the card saying so. `late`: how long after its time the last call was begun. `cpu`
    as shares of one CPU."""

    rate: float
    delays: list[float] = field(default_factory=list)
    ready: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    late: float = 0.0
    failures: list[str] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=dict)
    flushes: list[float] = field(default_factory=list)
    stages: dict[str, list[float]] = field(default_factory=dict)
    load: float = 0.0

    @property
    def p99(self) -> float:
        return percentile(self.delays, 99)

    @property
    def held(self) -> bool:
        """No call was lost, calls came as fast as they should, and nothing that a call asks of the system fell behind: from the first
        third of the calls to the last neither the delay to the card grew, nor that to the platform, nor that of the ends."""
        if self.failures or not self.delays or self.late > LATE_S:
            return False
        return not any(map(grows, (self.delays, self.ready, self.ends)))

    def as_json(self) -> dict[str, Any]:
        return {
            "calls_a_second": self.rate,
            **summary(self.delays),
            "held": self.held,
            "late_ms": round(self.late * 1000, 1),
            "ready": summary(self.ready),
            "ends": summary(self.ends),
            "cpu": self.cpu,
            "flush": summary(self.flushes),
            "stages": {name: summary(samples) for name, samples in self.stages.items()},
            "failures": self.failures,
            "load": round(self.load, 1),
        }


def grows(delays: Sequence[float]) -> bool:
    """From the first third of the calls to the last, by the medians."""
    if len(delays) < ENOUGH_TO_JUDGE:
        return False
    third = len(delays) // 3
    return percentile(delays[-third:], 50) > GROWTH * percentile(delays[:third], 50) + SLACK_S


def knee(steps: Sequence[Step]) -> Step | None:
    """The highest rate that was held, with all rates below it held too."""
    return next(reversed(list(itertools.takewhile(lambda step: step.held, steps))), None)
