"""What the media bench measured: stretches of calls, a row for each variant, and their tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from rich.table import Table

from bench.report import middle
from bench.voice import FRAME_S

CALL_S = 60
"""Length of the call that the ratio is about: its set-up and end count once, its RTP so many seconds."""


Variant = Literal["plain", "one", "two", "secured"]
WORDS: dict[Variant, str] = {
    "plain": "one plain rtpengine call",
    "one": "call at this edge, anchors = one",
    "two": "call at this edge, anchors = two",
    "secured": "the same while secured, anchors = one",
}
FLOWS: dict[Variant, int] = {"plain": 2, "one": 2, "two": 4, "secured": 4}
"""Streams that rtpengine forwards for one call: what must be seen, or the comparison is none."""


@dataclass(slots=True)
class Stretch:
    """So many calls for so many seconds. CPU in seconds: of set-up and end, and of the talk."""

    calls: int
    seconds: float
    signalling: float
    talk: float
    packets: int

    def per_call(self, length_s: float = CALL_S) -> float:
        """CPU seconds of one call of that length."""
        return self.signalling / self.calls + self.talk / self.calls / self.seconds * length_s


@dataclass(slots=True)
class Row:
    variant: Variant
    stretches: list[Stretch] = field(default_factory=list)

    def mean(self, what: Literal["call", "signalling", "talk"]) -> float:
        """CPU milliseconds: of a call of `CALL_S`, of its set-up and end, or of one second of its RTP."""
        calls = sum(each.calls for each in self.stretches)
        call_seconds = sum(each.calls * each.seconds for each in self.stretches)
        signalling = sum(each.signalling for each in self.stretches) / calls
        talk = sum(each.talk for each in self.stretches) / call_seconds
        return 1000 * {"call": signalling + talk * CALL_S, "signalling": signalling, "talk": talk}[what]

    @property
    def flows(self) -> float:
        """Streams of 50 packets a second that rtpengine really forwarded for one call."""
        call_seconds = sum(each.calls * each.seconds for each in self.stretches)
        return sum(each.packets for each in self.stretches) * FRAME_S / call_seconds

    def as_json(self, plain: Row) -> dict[str, Any]:
        return {
            "variant": self.variant,
            "calls": sum(each.calls for each in self.stretches),
            "ms_per_call": round(self.mean("call"), 2),
            "ms_signalling": round(self.mean("signalling"), 3),
            "ms_per_second_of_rtp": round(self.mean("talk"), 4),
            "streams_forwarded": round(self.flows, 2),
            "ratio": round(self.mean("call") / plain.mean("call"), 3),
            "ratio_rtp_only": round(self.mean("talk") / plain.mean("talk"), 3),
            "ratio_of_each_round": [round(each, 3) for each in pairs(self, plain)],
        }


def pairs(row: Row, plain: Row) -> list[float]:
    """Ratio of each round: a stretch beside the plain one of the same round."""
    return [
        mine.per_call() / other.per_call() for mine, other in zip(row.stretches, plain.stretches, strict=True)
    ]


def table(rows: list[Row]) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    names = (
        f"CPU of rtpengine, ms for a call of {CALL_S} s",
        "ms",
        "up, down",
        "a second",
        "streams",
        "ratio",
    )
    for name in (*names, "median", "spread"):
        shown.add_column(name, justify="left" if name.startswith("CPU") else "right", no_wrap=True)
    plain = rows[0]
    for row in rows:
        ratios = pairs(row, plain)
        shown.add_row(
            WORDS[row.variant],
            f"{row.mean('call'):.1f}",
            f"{row.mean('signalling'):.2f}",
            f"{row.mean('talk'):.3f}",
            f"{row.flows:.2f}",
            f"{row.mean('call') / plain.mean('call'):.2f}",
            f"{middle(ratios):.2f}",
            f"{min(ratios):.2f}-{max(ratios):.2f}",
        )
    return shown


def growth_table(grown: list[Stretch]) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("calls talking, anchors = one", "ms CPU a second of RTP", "streams seen", "us a packet"):
        shown.add_column(name, justify="right", no_wrap=True)
    for each in grown:
        shown.add_row(
            str(each.calls),
            f"{each.talk / each.calls / each.seconds * 1000:.3f}",
            f"{each.packets * FRAME_S / each.calls / each.seconds:.2f}",
            f"{each.talk / each.packets * 1e6:.1f}",
        )
    return shown
