"""One rtpengine of each tested suite, and an agent of its own for every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from callseal.lab.rootfs import BASELINE, COMPATIBILITY, Rootfs
from callseal.lab.router import Rtpengine
from tests.integration.edge.agent_process import AgentProcess
from tests.integration.edge.fake_desk import FakeDesk
from tests.integration.edge.rig import MEDIA, NG, Endpoint, Ng, endpoints


@pytest.fixture(scope="session", params=[BASELINE, pytest.param(COMPATIBILITY, marks=pytest.mark.compat)])
def rtpengine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rtpengine]:
    """rtpengine 26.0 and 12.5, one after the other."""
    log = tmp_path_factory.mktemp(f"rtpengine-{request.param}") / "rtpengine.log"
    with Rtpengine(Rootfs.build(request.param), media=MEDIA, ng=NG, log=log) as daemon:
        yield daemon


@pytest.fixture
def ng(rtpengine: Rtpengine) -> Iterator[Ng]:
    client = Ng()
    yield client
    assert rtpengine.alive, "rtpengine has crashed"
    client("ping")
    client.close()


@pytest.fixture
def desk() -> Iterator[FakeDesk]:
    server = FakeDesk().start()
    yield server
    server.stop()


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    process = AgentProcess(tmp_path / "edge")
    with process.daemon:
        yield process


@pytest.fixture
def endpoint() -> Iterator[Callable[[str, int], Endpoint]]:
    with endpoints() as make:
        yield make
