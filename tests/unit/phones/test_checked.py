from __future__ import annotations

from dataclasses import dataclass

import pytest

from callseal.phones import checked as c

pytestmark = pytest.mark.unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(c.Checked):
    name: str = c.checked(c.text(r"[a-z]+", "letters"))
    size: int = c.checked(c.integer(1, 9), default=5)
    level: float = c.checked(c.number(-1, 1), default=0)
    on: bool = c.checked(c.flag, default=False)
    words: tuple[str, ...] = c.checked(c.several(c.one_of("a", "b"), at_least=1), default=("a",))
    table: dict[str, int] = c.checked(c.mapping(c.one_of("k"), c.integer(0, 1)), default={})  # noqa: RUF009
    address: str | None = c.checked(c.optional(c.ipv4), default=None, key="from")


def test_good_values_are_kept_in_their_final_form() -> None:
    sample = Sample.from_table(
        {"name": "x", "level": 1, "words": ["b"], "table": {"k": 1}, "from": "127.0.0.1"}
    )
    assert sample == Sample(name="x", level=1.0, words=("b",), table={"k": 1}, address="127.0.0.1")
    assert isinstance(sample.level, float)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({}, "name: missing"),
        ({"name": "x", "4242": 1}, "unknown field"),
        ({"name": "X"}, "name: must be letters"),
        ({"name": "x\n"}, "name: must be letters"),
        ({"name": "x", "size": 10}, "size: must be an integer from 1 to 9"),
        ({"name": "x", "size": True}, "size: must be an integer from 1 to 9"),
        ({"name": "x", "level": "1"}, "level: must be a number from -1 to 1"),
        ({"name": "x", "on": 1}, "on: must be true or false"),
        ({"name": "x", "words": []}, "words: must be a list of at least 1"),
        ({"name": "x", "words": "a"}, "words: must be a list of at least 1"),
        ({"name": "x", "words": ["c"]}, "words: must be one of a, b"),
        ({"name": "x", "table": 1}, "table: must be a table"),
        ({"name": "x", "table": {"j": 1}}, "table: must be one of k"),
        ({"name": "x", "from": "::1"}, "from: must be an IPv4 address"),
        ({"name": "x", "from": "127.0.0.256"}, "from: must be an IPv4 address"),
        ({"name": 1, "size": 0}, "name: must be letters, size: must be an integer from 1 to 9"),
    ],
)
def test_faults(table: dict[str, object], expected: str) -> None:
    with pytest.raises(c.FaultError) as wrong:
        Sample.from_table(table)
    assert str(wrong.value) == expected


def test_constructor_checks_too() -> None:
    with pytest.raises(c.FaultError, match="size"):
        Sample(name="x", size=0)


def test_mutable_defaults_are_not_shared() -> None:
    assert Sample(name="x").table is not Sample(name="x").table
