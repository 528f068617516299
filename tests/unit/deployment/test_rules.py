"""Rules read files as people write them, which is to say: anything. None may trip over a value it did not expect."""

from __future__ import annotations

import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callseal.deployment.reader import _shape
from callseal.deployment.rules import RULES
from callseal.deployment.rules.raw import Raw, dotted

pytestmark = pytest.mark.unit
GOOD = tomllib.loads((Path(__file__).parent / "museum" / "good.toml").read_text(encoding="utf-8"))


def paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [path] if path else []
    for key, inner in items:
        found += paths(inner, (*path, key))
    return found


def change(data: Any, path: tuple[str | int, ...], value: Any) -> None:
    """Sets the value at `path`, if an earlier change has left a way there."""
    try:
        for step in path[:-1]:
            data = data[step]
        data[path[-1]]  # a list has no place for more
        data[path[-1]] = value
    except (KeyError, IndexError, TypeError):
        return


odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats()
    | st.dates()
    | st.text(max_size=5)
    | st.sampled_from(
        [
            "",
            "http://[::1",
            "sip:[::1]:x",
            "10.0.0.0/8",
            "::/0",
            "0.0.0.0:1",
            "udp",
            "tls",
            "112",
            "https://a:99999",
            "file:\x00",
        ]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=100)
@example([(("desk", "url"), "http://[::1")])
@example([(("edges", 0, "agent"), "http://[::1")])
@example([(("carriers",), 3), (("desk",), [])])
@given(st.lists(st.tuples(st.sampled_from(paths(GOOD)), odd), min_size=1, max_size=3))
def test_nothing_in_a_file_makes_the_reader_trip(changes: list[tuple[tuple[str | int, ...], Any]]) -> None:
    data: Any = copy.deepcopy(GOOD)
    for path, value in changes:
        change(data, path, value)
    deployment, findings = _shape(data, Path("callseal.toml"))
    findings += [finding for rule in RULES for finding in rule(Raw(data))]
    assert deployment is not None or findings
    assert all(finding.message for finding in findings)


def test_places_are_written_as_people_write_them() -> None:
    assert dotted(("carriers", 0, "signalling", 1)) == "carriers[0].signalling[1]"
    assert dotted(()) == "the file"
