"""Numbers of a bench: percentiles, a table for people, JSON for machines, and the one line at the end."""

from __future__ import annotations

import json
import math
import os
import platform
import re
import statistics
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from callseal import __version__
from callseal.lab.rootfs import Rootfs

PERCENTILES = (50, 95, 99)


def percentile(samples: Sequence[float], share: int) -> float:
    """Nearest rank: a value that was really measured. NaN without samples."""
    ordered = sorted(samples)
    return ordered[max(math.ceil(share / 100 * len(ordered)), 1) - 1] if ordered else math.nan


def middle(samples: Sequence[float]) -> float:
    """The median; NaN without samples."""
    return statistics.median(samples) if samples else math.nan


def summary(samples: Sequence[float]) -> dict[str, float]:
    """Seconds in; count and milliseconds out."""
    return {
        "samples": len(samples),
        **{f"p{share}_ms": round(percentile(samples, share) * 1000, 1) for share in PERCENTILES},
    }


def worst(ratios: Iterable[float]) -> float:
    """The largest; NaN when one of them could not be measured."""
    found = list(ratios)
    return math.nan if any(math.isnan(one) for one in found) else max(found)


def surroundings(suite: str) -> dict[str, Any]:
    """Where and with what this was measured."""
    rootfs = Rootfs.build(suite)
    kamailio = rootfs.run(["kamailio", "-v"])
    # The package's: the program reads its configuration and looks at the kernel before it says who it is.
    rtpengine = rootfs.run(["dpkg-query", "-W", "-f", "${Version}\n", "rtpengine-daemon"])
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": " ".join(["python -m", _module(), *sys.argv[1:]]),
        "callseal": __version__,
        "python": platform.python_version(),
        "kamailio": _version(kamailio.stdout + kamailio.stderr),
        "rtpengine": _version(rtpengine.stdout + rtpengine.stderr),
        "suite": suite,
        "cpus": os.cpu_count(),
        "niceness": os.nice(0),
        "load_at_start": system_load(),
    }


def system_load() -> list[float]:
    """The system's, of 1, 5 and 15 minutes."""
    return [round(each, 1) for each in os.getloadavg()]


def conditions(around: Mapping[str, Any], *facts: object) -> str:
    """The line before the last: with what it was measured, how busy the machine was, and what else there is to say."""
    measured = (
        f"Kamailio {around['kamailio']}, rtpengine {around['rtpengine']}, {around['cpus']} CPUs, system load"
        f" {around['load_at_start'][0]} before and {around['load_at_end'][0]} after"
    )
    return "; ".join([measured, *map(str, facts)])


def _module() -> str:
    specification = getattr(sys.modules["__main__"], "__spec__", None)
    return specification.name if specification is not None else "bench"


def _version(text: str) -> str:
    found = re.search(r"\d+\.\d+[\w.~+-]*", text)
    return found[0] if found else "unknown"


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Never half a file: written beside and renamed. What could not be measured is null."""
    content = json.loads(json.dumps(content), parse_constant=lambda _: None)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    beside.replace(path)


def last_line(name: str, ratio: float, goal: float) -> str:
    """`bench-NAME ratio=R goal=G`, the last line of every bench."""
    return f"bench-{name} ratio={ratio:.2f} goal={f'{goal:.2f}'.removesuffix('0')}"
