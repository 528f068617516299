"""The reference of metrics is the code's."""

from __future__ import annotations

from pathlib import Path

import pytest

from callseal.operate.metrics_page import PAGE, page

pytestmark = pytest.mark.unit


def test_page_is_generated() -> None:
    written = Path(__file__).parents[3] / "docs" / "reference" / PAGE
    assert written.read_text(encoding="utf-8") == page(), (
        "python -m callseal.operate.metrics_page docs/reference"
    )
