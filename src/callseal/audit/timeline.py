"""The picture of a call: both legs on one time line, the secured window behind them, sound, tones and events in them. Inline SVG.

Positions of digits in time are drawn, which digits they were is not in here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

import numpy as np

from callseal.audit.case import Assigned, Case
from callseal.audit.heard import Method
from callseal.audit.tone_sound import level_dbm0
from callseal.audit.windows import SECURED, Window

WIDTH, LEFT, RIGHT = 1072, 168, 92
LANE, GAP, HEAD = 58, 12, 30
GROUP = 24
COLUMN = 2
"""Pixels of one step of the sound."""
FLOOR_DBM0, TOP_DBM0 = -60.0, 0.0
STEPS_S = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
MOST_TICKS = 14
MOST_LANES = 8
MOST_MARKS = 1500

_WAYS = {
    ("customer", "edge"): "from the customer",
    ("customer", "agent"): "customer to agent",
    ("customer", "partner"): "customer to partner",
    ("edge", "partner"): "to the partner",
    ("partner", "edge"): "from the partner",
    ("partner", "agent"): "partner to agent",
    ("edge", "agent"): "to the agent",
}
_LEGS = {"customer": "Customer leg", "agent": "Agent leg", "call": "Call", "": "Streams"}
_ORDER = {"customer": 0, "call": 1, "agent": 2, "": 3}
_PLACE = {("customer", "edge"): 0, ("edge", "partner"): 1, ("partner", "edge"): 2}


@dataclass(frozen=True, slots=True)
class _Lane:
    leg: str
    title: str
    judged: bool
    streams: tuple[Assigned, ...]


class _Scale:
    def __init__(self, begin: float, end: float) -> None:
        self.begin, self.end = begin, max(end, begin + 0.5)
        self._per_second = (WIDTH - LEFT - RIGHT) / (self.end - self.begin)

    def __call__(self, at: float) -> float:
        return LEFT + (min(max(at, self.begin), self.end) - self.begin) * self._per_second

    def times(self) -> np.ndarray:
        columns = (WIDTH - LEFT - RIGHT) // COLUMN
        return self.begin + (np.arange(columns) + 0.5) * (self.end - self.begin) / columns


def drawing(case: Case) -> str:
    """The SVG element."""
    lanes = _lanes(case)
    scale = _Scale(case.begin, max([case.end, *(one.stream.end for one in case.streams)]))
    parts: list[str] = []
    y, leg = float(HEAD), None
    bodies: list[str] = []
    for lane in lanes:
        if lane.leg != leg:
            y += GROUP if leg is not None else 12
            bodies.append(
                f'<text class="leg" x="0" y="{y + 4:.0f}">{escape(_LEGS.get(lane.leg, "Leg"))}</text>'
            )
            y += 12
            leg = lane.leg
        bodies.append(_draw(lane, y, scale, [one for one in case.windows.windows if one.guarded]))
        y += LANE + GAP
    bottom = y
    parts += _axis(scale, bottom)
    parts += [_band(one, scale, bottom) for one in case.windows.windows if one.guarded]
    parts += _seals(case, scale)
    label = f"Time line of a call of {scale.end - scale.begin:.0f} seconds"
    return (
        f'<svg viewBox="0 0 {WIDTH} {bottom + 26:.0f}" role="img" aria-label="{label}">'
        + "".join(parts)
        + "".join(bodies)
        + "</svg>"
    )


def _lanes(case: Case) -> list[_Lane]:
    """The way of the customer's voice, leg by leg; the other direction is in the table."""
    groups: dict[tuple[str, str, str, str], list[Assigned]] = {}
    for one in case.streams:
        back = (one.leg, one.sender) == ("customer", "partner") or (one.leg, one.receiver) == (
            "agent",
            "partner",
        )
        if (
            back
            or one.sender == "edge" == one.receiver
            or one.sender == "agent"
            or one.receiver == "customer"
        ):
            continue
        name = "" if one.sender or one.receiver else one.stream.destination
        groups.setdefault((one.leg, one.sender, one.receiver, name), []).append(one)
    lanes = [
        _Lane(
            leg if leg in _ORDER else "",
            _WAYS.get((sender, receiver)) or (f"{sender or name} to {receiver}" if receiver else name),
            streams[0].judged,
            tuple(streams),
        )
        for (leg, sender, receiver, name), streams in sorted(
            groups.items(), key=lambda pair: (_ORDER.get(pair[0][0], 3), _PLACE.get(pair[0][1:3], 4), pair[0])
        )
    ]
    return lanes[:MOST_LANES]


def _draw(lane: _Lane, y: float, scale: _Scale, guarded: list[Window]) -> str:
    base = y + LANE
    parts = [
        f'<text x="12" y="{base - LANE / 2 + 4:.0f}">{escape(lane.title)}</text>',
        f'<line class="base" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base:.1f}" y2="{base:.1f}"/>',
        _sound(lane, base, scale),
    ]
    parts += _marks(lane, y, scale)
    digits = [digit.at for one in lane.streams for digit in one.stream.digits]
    within = sum(any(one.begin <= at < one.end for one in guarded) for at in digits)
    x, middle = WIDTH - RIGHT + 12, base - LANE / 2
    parts.append(f'<text class="count" x="{x}" y="{middle:.0f}">{_digits(len(digits))}</text>')
    if guarded:
        style = "leak" if lane.judged and within else "seal" if lane.judged else ""
        parts.append(f'<text class="{style}" x="{x}" y="{middle + 16:.0f}">{within} guarded</text>')
    return "".join(parts)


def _digits(count: int) -> str:
    return f"{count} digit{'' if count == 1 else 's'}"


def _sound(lane: _Lane, base: float, scale: _Scale) -> str:
    """Loudness over time; nothing where no packet came."""
    times = scale.times()
    height = np.zeros(len(times))
    for one in lane.streams:
        gauge = one.stream.gauge
        if not len(gauge):
            continue
        half = (times[1] - times[0]) / 2 if len(times) > 1 else 0.0
        first = np.floor((times - half - gauge.begin) / gauge.width).astype(np.int64)
        last = np.floor((times + half - gauge.begin) / gauge.width).astype(np.int64)
        for column, (low, high) in enumerate(zip(first, last, strict=True)):
            if high < 0 or low >= len(gauge):
                continue
            part = slice(max(int(low), 0), int(high) + 1)
            if not gauge.bins("packets")[part].any():
                continue
            loud = float(np.max(gauge.energy[part], initial=0.0))
            share = (level_dbm0(loud) - FLOOR_DBM0) / (TOP_DBM0 - FLOOR_DBM0) if loud else 0.0
            height[column] = max(height[column], min(max(share, 0.035), 1.0))
    paths: list[str] = []
    drawn = np.flatnonzero(height > 0)
    if not len(drawn):
        return ""
    for stretch in np.split(drawn, np.flatnonzero(np.diff(drawn) > 1) + 1):
        left = LEFT + stretch[0] * COLUMN
        points = [f"M{left} {base:.1f}"]
        points += [
            f"L{LEFT + at * COLUMN + COLUMN / 2:.0f} {base - height[at] * (LANE - 10):.1f}" for at in stretch
        ]
        points.append(f"L{LEFT + (stretch[-1] + 1) * COLUMN} {base:.1f}Z")
        paths.append("".join(points))
    return f'<path class="sound" d="{"".join(paths)}"/>'


def _marks(lane: _Lane, y: float, scale: _Scale) -> Iterator[str]:
    """A tick for each digit, a dot for each piece of tone."""
    digits = [digit for one in lane.streams for digit in one.stream.digits][:MOST_MARKS]
    for kind, chosen in (
        ("event", [digit for digit in digits if digit.method is Method.EVENT]),
        ("tone", [digit for digit in digits if digit.method is Method.TONE]),
    ):
        top = y + 2 if kind == "event" else y + 14
        path = "".join(f"M{scale(digit.at):.1f} {top:.0f}V{y + LANE:.0f}" for digit in chosen)
        if path:
            yield f'<path class="{kind}" d="{path}"/>'
    for one in lane.streams:
        for piece in one.stream.fragments[:MOST_MARKS]:
            yield f'<circle class="piece" cx="{scale(piece.at):.1f}" cy="{y + LANE - 8:.0f}" r="3"/>'


def _band(window: Window, scale: _Scale, bottom: float) -> str:
    kind = "secured" if window.kind == SECURED else "moving"
    left, right = scale(window.begin), scale(window.end)
    return f'<rect class="{kind}" x="{left:.1f}" y="{HEAD - 6}" width="{max(right - left, 1):.1f}" height="{bottom - HEAD + 6:.0f}"/>'


def _seals(case: Case, scale: _Scale) -> Iterator[str]:
    for one in case.windows.windows:
        if one.kind == SECURED:
            x = scale((one.begin + one.end) / 2)
            yield f'<text class="seal" x="{x:.1f}" y="16" text-anchor="middle">secured {one.end - one.begin:.1f} s</text>'


def _axis(scale: _Scale, bottom: float) -> Iterator[str]:
    length = scale.end - scale.begin
    step = next((one for one in STEPS_S if length / one <= MOST_TICKS), STEPS_S[-1])
    at = 0.0
    while at <= length:
        x = scale(scale.begin + at)
        text = f"{at:g} s" if step < 60 else f"{at / 60:g} min"
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{HEAD - 6}" y2="{bottom:.0f}"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 18:.0f}" text-anchor="middle">{text}</text>'
        at += step
