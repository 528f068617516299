"""One world for the whole folder: an operator has one too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.stage import Stage, Stages


@pytest.fixture(scope="package")
def stage(stages: Stages) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield stages.open(stack)
