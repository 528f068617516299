"""Versions of Kamailio and rtpengine this release was tested with; a test holds them to `infra/images/versions`."""

from __future__ import annotations

import re

Version = tuple[int, ...]

TESTED: dict[str, tuple[tuple[Version, Version], ...]] = {
    "kamailio": (((6, 0), (6, 1)), ((6, 1), (6, 2))),
    "rtpengine": (((12, 5), (12, 6)), ((26, 0), (26, 1))),
}
"""Program -> ranges, from (included) and below."""


def read_version(text: str) -> Version | None:
    """The first dotted number in what a program says of itself, None when there is none."""
    found = re.search(r"\d+(?:\.\d+)+", text)
    return tuple(map(int, found[0].split("."))) if found else None


def is_tested(program: str, version: Version) -> bool:
    return any(first <= version < below for first, below in TESTED[program])


def tested(program: str) -> str:
    """For a sentence: `6.0, 6.1`."""
    return ", ".join(".".join(map(str, first)) for first, _ in TESTED[program])
