"""Dataclasses that check every field when they are made, with the standard library alone.

Pydantic would do this, but the phone process must run on a second Python that has PJSIP and nothing else: PJSIP's wheel knows
Python 3.11 and 3.12 only. A fault names the field and what is wrong with it, never the value: values may be digits.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address
from typing import Any, Self

Check = Callable[[Any], object]
"""Takes what was given, returns what is kept, raises `ValueError` or `TypeError` with what was expected."""


class FaultError(ValueError):
    """What is wrong with a table: `field: expectation`, comma separated."""


def text(pattern: str, expected: str) -> Check:
    """A string that matches the whole pattern."""
    compiled = re.compile(pattern)

    def check(value: Any) -> object:
        if not isinstance(value, str) or compiled.fullmatch(value) is None:
            raise ValueError(expected)
        return value

    return check


def integer(low: int, high: int) -> Check:
    def check(value: Any) -> object:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"an integer from {low} to {high}")
        return value

    return check


def number(low: float, high: float) -> Check:
    def check(value: Any) -> object:
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"a number from {low:g} to {high:g}")
        return float(value)

    return check


def flag(value: Any) -> object:
    """True or false."""
    if not isinstance(value, bool):
        raise TypeError("true or false")
    return value


def one_of(*words: str) -> Check:
    def check(value: Any) -> object:
        if value not in words:
            raise ValueError(f"one of {', '.join(words)}")
        return value

    return check


def several(item: Check, *, at_least: int = 0) -> Check:
    """A list, kept as a tuple."""

    def check(value: Any) -> object:
        if not isinstance(value, list | tuple) or len(value) < at_least:
            raise ValueError(f"a list of at least {at_least}")
        return tuple(item(part) for part in value)

    return check


def mapping(key: Check, item: Check) -> Check:
    def check(value: Any) -> object:
        if not isinstance(value, Mapping):
            raise TypeError("a table")
        return {key(name): item(part) for name, part in value.items()}

    return check


def optional(item: Check) -> Check:
    return lambda value: None if value is None else item(value)


def ipv4(value: Any) -> object:
    """A dotted address, kept as its canonical string."""
    try:
        return str(IPv4Address(value))
    except ValueError:
        raise ValueError("an IPv4 address") from None


def checked(check: Check, *, default: Any = dataclasses.MISSING, key: str | None = None) -> Any:
    """A dataclass field with its check; `key` is its name in tables when that is no Python name."""
    metadata = {"check": check, "key": key}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=default.copy, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


class Checked:
    """Base of frozen dataclasses whose fields are made by `checked`."""

    __slots__ = ()

    def __post_init__(self) -> None:
        faults = []
        for field in _fields(type(self)):
            try:
                object.__setattr__(self, field.name, field.metadata["check"](getattr(self, field.name)))
            except (ValueError, TypeError) as error:
                faults.append(f"{_key(field)}: must be {error}")
        if faults:
            raise FaultError(", ".join(faults))

    @classmethod
    def from_table(cls, table: Mapping[str, object]) -> Self:
        """Raises `FaultError` for unknown and missing keys and for wrong values."""
        names = {_key(field): field for field in _fields(cls)}
        faults = ["unknown field"] if set(table) - set(names) else []
        faults += [
            f"{key}: missing"
            for key, field in names.items()
            if key not in table
            and field.default is dataclasses.MISSING
            and field.default_factory is dataclasses.MISSING
        ]
        if faults:
            raise FaultError(", ".join(faults))
        return cls(**{names[key].name: value for key, value in table.items()})


def _fields(cls: type[Checked]) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(cls)  # type: ignore[arg-type]  # every subclass is a dataclass


def _key(field: dataclasses.Field[Any]) -> str:
    return str(field.metadata["key"] or field.name)
