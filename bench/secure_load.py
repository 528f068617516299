"""Everything that the secure bench measured with so many calls up, and its table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rich.table import Table

from bench.probes import Direction, Plain, Press
from bench.report import PERCENTILES, percentile, summary, worst

DIRECTIONS: tuple[Direction, ...] = ("secure", "release")
UNTIL = ("total", "acknowledged")
WORDS = {
    ("secure", "total"): "press -> secured (1)",
    ("secure", "acknowledged"): "press -> last ACK (2)",
    ("release", "total"): "release -> restored (1)",
    ("release", "acknowledged"): "release -> last ACK (2)",
}


@dataclass(slots=True)
class Load:
    """Everything measured with so many calls up, in seconds."""

    calls: int
    presses: dict[Direction, list[Press]] = field(default_factory=lambda: {each: [] for each in DIRECTIONS})
    plain: dict[Direction, list[Plain]] = field(default_factory=lambda: {each: [] for each in DIRECTIONS})
    router: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def ratio(self, direction: Direction, mine: str, plain: str) -> float:
        """p95 of the press over p95 of the plain move; each up to `total` or `acknowledged`."""
        return percentile([getattr(one, mine) for one in self.presses[direction]], 95) / percentile(
            [getattr(one, plain) for one in self.plain[direction]], 95
        )

    @property
    def worst(self) -> float:
        """The worst ratio that compares like with like: RTP waited for in both, or in neither."""
        return worst(self.ratio(direction, until, until) for direction in DIRECTIONS for until in UNTIL)

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"calls": self.calls, "failures": self.failures}
        for each in DIRECTIONS:
            presses, plain = self.presses[each], self.plain[each]
            found[each] = {
                until: {
                    "press": summary([getattr(one, until) for one in presses]),
                    "baseline": summary([getattr(one, until) for one in plain]),
                    "ratio": round(self.ratio(each, until, until), 2),
                }
                for until in UNTIL
            }
            found[each]["stages"] = {
                name: summary([getattr(one, name) for one in presses]) for name in ("before", "sip", "after")
            }
            found[each]["ratio_with_rtp_in_the_press_only"] = round(
                self.ratio(each, "total", "acknowledged"), 2
            )
        found["router_alone"] = summary(self.router)
        return found


def table(loads: list[Load]) -> Table:
    """What was pressed beside what the partner does alone, one line each."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    names = ("calls", "milliseconds", "p50", "p95", "p99", "no desk p50", "p95", "p99", "ratio")
    for name in names:
        shown.add_column(name, justify="left" if name == "milliseconds" else "right", no_wrap=True)
    for load in loads:
        calls = str(load.calls)
        for direction in DIRECTIONS:
            for until in UNTIL:
                mine = [getattr(one, until) for one in load.presses[direction]]
                plain = [getattr(one, until) for one in load.plain[direction]]
                ratio = f"{load.ratio(direction, until, until):.2f}"
                shown.add_row(calls, WORDS[direction, until], *_three(mine), *_three(plain), ratio)
                calls = ""
        shown.add_row("", "two re-INVITEs, no partner", "", "", "", *_three(load.router), "", style="dim")
    return shown


def _three(samples: list[float]) -> list[str]:
    numbers = summary(samples)
    return [f"{numbers[f'p{share}_ms']:.0f}" for share in PERCENTILES]
