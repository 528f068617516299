"""The whole world for call stories: one world per set of choices and module, two phones, an ear beside the agent's phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.support.stage import Stage, Stages


@pytest.fixture(scope="session")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Stages:
    return Stages(tmp_path_factory.mktemp("worlds"))


@pytest.fixture(scope="module")
def open_stage(stages: Stages) -> Iterator[Callable[..., Stage]]:
    """`open_stage(settings=..., partner=...)`: a stage that ends with the module."""
    with ExitStack() as stack:
        yield lambda **choices: stages.open(stack, **choices)


@pytest.fixture(scope="module")
def stage(open_stage: Callable[..., Stage]) -> Stage:
    """The default world."""
    return open_stage()


@pytest.fixture(autouse=True)
def nobody_stays_on_the_line(request: pytest.FixtureRequest) -> Iterator[None]:
    """A story that failed half-way must not fail the next one too."""
    yield
    if "stages" in request.fixturenames:
        request.getfixturevalue("stages").clear_lines()
