"""The cells of the bleed bench summed, as a table for people and as a row of the soak page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.table import Table

from bench.bleed_cells import Cell


def table(cells: list[Cell]) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in (
        "barriers",
        "codec",
        "keys tried",
        "heard",
        "longest rest ms",
        "captured",
        "lost",
        "doubled",
    ):
        shown.add_column(name, justify="left" if name in ("barriers", "codec") else "right", no_wrap=True)
    for row in summed(cells):
        shown.add_row(*map(str, row.values()))
    return shown


def summed(cells: list[Cell]) -> list[dict[str, Any]]:
    """By barriers and codec, where the table says 0; the others apart."""
    rows: dict[tuple[str, str, bool], dict[str, Any]] = {}
    for cell in cells:
        row = rows.setdefault(
            (cell.barriers, cell.codec, cell.silent),
            {
                "barriers": cell.barriers + ("" if cell.silent else " (may pass)"),
                "codec": cell.codec,
                "tried": 0,
                "heard": 0,
                "fragment_ms": 0.0,
                "captured": 0,
                "lost": 0,
                "doubled": 0,
            },
        )
        row["tried"] += cell.tried
        row["heard"] += cell.found.keys
        row["fragment_ms"] = max(row["fragment_ms"], cell.found.fragment_ms)
        for name in ("captured", "lost", "doubled"):
            row[name] += getattr(cell, name)
    return list(rows.values())


def write_page(
    page: Path, around: dict[str, Any], cells: list[Cell], keys_tried: int, keys_heard: int
) -> None:
    lost, doubled = (sum(getattr(cell, name) for cell in cells) for name in ("lost", "doubled"))
    rest = max((cell.found.fragment_ms for cell in cells if cell.silent), default=0.0)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(
        f"| {str(around['date'])[:10]} | {around['rtpengine']} | {keys_tried} | {keys_heard} | {rest} ms |"
        f" {sum(cell.captured for cell in cells)} | {lost} | {doubled} |\n",
        encoding="utf-8",
    )
