"""What is found in a stream or a message: keys, and pieces of tone that are none."""

from __future__ import annotations

from dataclasses import dataclass, field

from callseal.audit.heard import Method


@dataclass(frozen=True, slots=True)
class Digit:
    """A key that was found; it is compared in memory and never written."""

    at: float
    method: Method
    key: str = field(repr=False)
    milliseconds: float = 0.0
    level_dbm0: float | None = None
    way: str = ""
    """Of a telephone-event: one of `AGREED`, `NEVER_AGREED`, `IN_REDUNDANCY`."""


AGREED, NEVER_AGREED, IN_REDUNDANCY = "agreed", "never agreed", "in redundancy"
"""Under a payload type that SDP names, under another, inside RFC 2198."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of tone too short to be a digit."""

    at: float
    milliseconds: float
    level_dbm0: float
