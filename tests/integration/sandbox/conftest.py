from collections.abc import Iterator
from pathlib import Path

import pytest

from callseal.lab.rootfs import Rootfs
from tests.integration.sandbox.rig import Rig, running


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    directory: Path = tmp_path_factory.mktemp("sandbox")
    with running(directory, Rootfs.build()) as up:
        yield up


@pytest.fixture(autouse=True)
def as_it_was(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test with a rig its voices stop and the switches go back to where they were."""
    if "rig" not in request.fixturenames:
        yield
        return
    rig: Rig = request.getfixturevalue("rig")
    before = rig.get("/faults").json()
    yield
    rig.silence()
    rig.switch(**before)
