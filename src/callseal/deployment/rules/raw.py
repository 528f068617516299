"""A deployment file as written, for rules to look at, and what a rule is.

Reading never fails here, so that a fault of shape in one place does not hide a fault of sense in another: whoever mends a
file sees all of it at once. A value that cannot be read is somebody else's fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic_core import PydanticCustomError

from callseal.deployment.lines import Path
from callseal.deployment.policies import Face
from callseal.deployment.values import Network, SipUri, parse_network


class Finding(NamedTuple):
    """A validator's id, the place in the file, and what is the matter there."""

    id: str
    path: Path
    message: str


@dataclass(frozen=True, slots=True)
class Raw:
    """A table of the file with its path; reading never fails, it gives None or nothing."""

    table: dict[str, Any]
    path: Path = ()

    def text(self, key: str, default: str | None = None) -> str | None:
        value = self.table.get(key, default)
        return value if isinstance(value, str) else None

    def number(self, key: str, default: int | None = None) -> int | None:
        value = self.table.get(key, default)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def inner(self, key: str) -> Raw:
        value = self.table.get(key)
        return Raw(value if isinstance(value, dict) else {}, (*self.path, key))

    def each(self, key: str) -> Iterator[Raw]:
        values = self.table.get(key)
        for index, value in enumerate(values if isinstance(values, list) else []):
            if isinstance(value, dict):
                yield Raw(value, (*self.path, key, index))

    def texts(self, key: str) -> Iterator[tuple[Path, str]]:
        values = self.table.get(key)
        for index, value in enumerate(values if isinstance(values, list) else []):
            if isinstance(value, str):
                yield (*self.path, key, index), value

    def read(self, key: str, reader: Callable[[str], Any]) -> Any:
        """The value of `key` as `reader` makes it, or None when it refuses."""
        text = self.text(key)
        return None if text is None else attempt(reader, text)

    def networks(self, key: str) -> Iterator[tuple[Path, Network]]:
        for path, text in self.texts(key):
            network = attempt(parse_network, text)
            if network is not None:
                yield path, network


Rule = Callable[[Raw], Iterator[Finding]]
"""Looks at the whole file (`Raw` of its top level) and yields every fault of its kind; never raises."""


def attempt(reader: Callable[[str], Any], text: str) -> Any:
    """What `reader` makes of `text`; None when it refuses."""
    try:
        return reader(text)
    except (PydanticCustomError, ValueError):
        return None


_SAID_ONCE = ("transport", "media_profile", "srtp_suites")
"""What a partner that stands by does not say for itself (`Standby`)."""


def peers(raw: Raw) -> Iterator[tuple[Face, Raw]]:
    """(face, peer): carriers share one face, so two of them may use one session border controller; partners share one, too."""
    for carrier in raw.each("carriers"):
        yield "carrier", carrier
    for partner in partners(raw):
        yield "partner", partner
    yield "platform", raw.inner("platform")


def partners(raw: Raw) -> Iterator[Raw]:
    """The partner, then those that stand by, which speak as it does."""
    first = raw.inner("partner")
    yield first
    shared = {key: first.table[key] for key in _SAID_ONCE if key in first.table}
    for standby in first.each("standby"):
        yield Raw(shared | standby.table, standby.path)


def sip_uri(text: str) -> SipUri | None:
    """A destination, or None when it is malformed (which has been said elsewhere)."""
    uri: SipUri | None = attempt(SipUri.parse, text)
    return uri


def repeated(id_: str, what: str, entries: Iterator[tuple[Path, object]]) -> Iterator[Finding]:
    """Each value that was there before, with its place; None never counts."""
    seen: dict[object, Path] = {}
    for path, value in entries:
        if value is not None and value in seen:
            yield Finding(id_, path, f"{what} “{value}” is already used by {dotted(seen[value])}")
        elif value is not None:
            seen[value] = path


def dotted(path: Path) -> str:
    """`carriers[0].signalling[1]`, as people write it."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "the file"
