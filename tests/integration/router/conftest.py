"""One rig at a time on this folder's block of loopback; it is kept while the next test wants the same one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from callseal.lab.rootfs import BASELINE, COMPATIBILITY, Rootfs
from tests.integration.router.rig import Rig
from tests.integration.router.tls_clients import UDP_CARRIER

MakeRig = Callable[..., Rig]
EXAMPLE = Path(__file__).parents[3] / "examples" / "sandbox.toml"
TWO = {"anchors": '"two"'}
"""For what two anchors promise by themselves; everything else is so with one, too."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`compat` tests run on the second tested row too."""
    if "suite" in metafunc.fixturenames:
        both = metafunc.definition.get_closest_marker("compat") is not None
        metafunc.parametrize("suite", [BASELINE, COMPATIBILITY] if both else [BASELINE], scope="session")


class Keeper:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._count = 0
        self._key: object = None
        self._rig: Rig | None = None

    def get(
        self,
        suite: str,
        settings: dict[str, str],
        edits: tuple[tuple[str, str], ...],
        tls: frozenset[str] = frozenset(),
        shared_mib: int = 0,
    ) -> Rig:
        said = EXAMPLE.read_text(encoding="utf-8")
        settings = {name: value for name, value in settings.items() if f"\n{name} = {value} " not in said}
        key = (suite, tuple(sorted(settings.items())), edits, tls, shared_mib)
        if (
            self._rig is not None
            and key == self._key
            and self._rig.kamailio.alive
            and self._rig.rtpengine.alive
        ):
            self._rig.fresh()
            return self._rig
        self.close()
        self._count += 1
        rig = Rig(
            Rootfs.build(suite), self._directory / str(self._count),
            settings=settings, edits=edits, tls=tls, shared_mib=shared_mib,
        )  # fmt: skip
        self._rig, self._key = rig.__enter__(), key
        return self._rig

    def close(self) -> None:
        if self._rig is not None:
            self._rig.__exit__(None, None, None)
        self._rig = None


@pytest.fixture(scope="session")
def keeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keeper]:
    keeper = Keeper(tmp_path_factory.mktemp("router"))
    yield keeper
    keeper.close()


@pytest.fixture
def make_rig(keeper: Keeper, suite: str) -> MakeRig:
    """`make_rig(settings={...}, edits=(...))`: a rig with another deployment, or with the router broken on purpose; `shared_mib`: with so
    much shared memory (0: as an edge has)."""

    def make(
        settings: dict[str, str] | None = None,
        edits: tuple[tuple[str, str], ...] = (),
        tls: frozenset[str] = frozenset(),
        shared_mib: int = 0,
    ) -> Rig:
        return keeper.get(suite, settings or {}, edits, tls, shared_mib)

    return make


@pytest.fixture
def rig(make_rig: MakeRig, request: pytest.FixtureRequest) -> Rig:
    return make_rig(settings=TWO if request.node.get_closest_marker("two_anchors") else {})


@pytest.fixture
def tls(make_rig: MakeRig) -> Rig:
    """All faces but the carrier's speak TLS."""
    return make_rig(tls=UDP_CARRIER)
