"""Only what is there is written; a kernel without autogroups is no error."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.priority import prefer

pytestmark = pytest.mark.unit


def test_prefer(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    assert prefer((7, 8), -10, tmp_path) == 1
    assert (tmp_path / "7" / "autogroup").read_text() == "-10"
