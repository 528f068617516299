"""docs/reference/leak-table.md: what the agent may get, held by tests. `LEAK_TABLE=write` writes what was found instead.

A cell is `0` (no key and no rest of a tone arrived) or `passes`. Each section stands between two marks of its name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "leak-table.md"
NOTHING, PASSES = "0", "passes"

Cells = Mapping[tuple[str, str], str]
"""By row and column."""


def cell(*, leaks: bool) -> str:
    return PASSES if leaks else NOTHING


def hold(section: str, head: str, rows: Sequence[str], columns: Sequence[str], found: Cells) -> None:
    """Assert that the section says what was found; or write it."""
    if os.environ.get("LEAK_TABLE") == "write":
        _write(section, head, rows, columns, found)
        return
    said = read(section)
    wrong = {place: (said.get(place), found[place]) for place in found if said.get(place) != found[place]}
    assert not wrong, f"{PAGE.name}, {section}: said and found differ: {wrong}"


def read(section: str) -> dict[tuple[str, str], str]:
    """The section's cells as the page has them."""
    lines = [line for line in _section(PAGE.read_text(encoding="utf-8"), section).splitlines() if line]
    head, _, *rows = ([word.strip() for word in line.strip("|").split("|")] for line in lines)
    return {
        (row[0], column): value.strip("*")
        for row in rows
        for column, value in zip(head[1:], row[1:], strict=True)
    }


def _section(text: str, section: str) -> str:
    found = re.search(rf"<!-- {section} -->\n(.*?)<!-- end -->", text, re.DOTALL)
    assert found is not None, f"{PAGE.name} has no section {section}"
    return found[1]


def _write(section: str, head: str, rows: Sequence[str], columns: Sequence[str], found: Cells) -> None:
    text = PAGE.read_text(encoding="utf-8")
    lines = [f"| {head} | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for row in rows:
        values = [found[row, column] for column in columns]
        lines.append(f"| {row} | {' | '.join(v if v == NOTHING else f'**{v}**' for v in values)} |")
    old = _section(text, section)
    PAGE.write_text(
        text.replace(f"<!-- {section} -->\n{old}", f"<!-- {section} -->\n" + "\n".join(lines) + "\n"),
        encoding="utf-8",
    )
