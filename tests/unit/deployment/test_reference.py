"""The reference pages are what the models say now."""

from __future__ import annotations

from pathlib import Path

import pytest

from callseal.deployment import VALIDATORS
from callseal.deployment.reference import pages

pytestmark = pytest.mark.unit
REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


@pytest.mark.parametrize("name", sorted(pages()))
def test_the_page_is_up_to_date(name: str) -> None:
    written = (REFERENCE / name).read_text(encoding="utf-8")
    assert written == pages()[name], "run: python -m callseal.deployment.reference docs/reference"


def test_every_key_is_explained() -> None:
    rows = [line for line in pages()["deployment.md"].splitlines() if line.startswith("| `")]
    assert len(rows) > 60
    assert not [row for row in rows if row.endswith("|  |")]


def test_every_validator_is_explained() -> None:
    page = pages()["validators.md"]
    for validator in VALIDATORS.values():
        assert f"## {validator.id} {validator.name}" in page
        assert validator.advice in page
