"""What happened, then what to try."""

from __future__ import annotations

import pytest

from callseal.observe.errors import Error

pytestmark = pytest.mark.unit


def test_diagnostics() -> None:
    assert Error("it broke").diagnostics() == "it broke"
    assert Error("it broke", advice="Mend it.").diagnostics() == "it broke\nMend it."
    assert str(Error("it broke", advice="Mend it.")) == "it broke"
