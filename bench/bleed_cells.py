"""What is tried and what came of it: barriers, ways through them, a cell for each, and what is wrong with one."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.bleed_ear import Found
from bench.bleed_sound import EVENTS, WIDE_EVENTS, Way
from callseal.wire.ng import NgValue

KEYS = "0123456789*#"


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


def tried(cells: dict[tuple[str, str, str], Cell]) -> int:
    return sum(cell.tried for cell in cells.values() if cell.silent)


def leaked(cells: dict[tuple[str, str, str], Cell]) -> int:
    return sum(cell.found.keys for cell in cells.values() if cell.silent)


def faults(cells: list[Cell], *, alive: bool) -> list[str]:
    found = [] if alive else ["rtpengine has died"]
    for cell in cells:
        name = f"{cell.way}, {cell.barriers}, {cell.codec}"
        if cell.silent and cell.leaks:
            found.append(
                f"{name}: {cell.found.keys} of {cell.tried} keys heard, rests of {cell.found.fragment_ms} ms"
            )
        if cell.barriers == "neither" and not cell.leaks:
            found.append(f"{name}: nothing heard, so silence elsewhere proves nothing")
        if cell.lost or cell.doubled:
            found.append(
                f"{name}: of {cell.tried} keys {cell.lost} lost, {cell.doubled} doubled at the partner"
            )
    return found
