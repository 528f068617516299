"""Rules of the suite: every module says which kind of test it holds, and a skip is counted and named at the end.

In a parallel run (`make test`) a worker has a network of its own, and a module stays whole on one worker: it shares its daemons.
"""

from __future__ import annotations

import os

# Before numpy is loaded, as `callseal.audit.libraries` does it: many threads for small products only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest
from hypothesis import settings

from tests.support import own_network

# Laws are about what holds, not about how long one example takes on a busy machine.
settings.register_profile("callseal", deadline=None)
settings.load_profile("callseal")

KINDS = {"unit", "integration", "e2e"}


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        own_network.enter()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Long bytes are named by their length. A name made of all of them is unreadable, and where they hold a time (gzip does) two workers that
    collect the same test disagree about its name, and the run stops."""
    return f"{argname}-of-{len(val)}-bytes" if isinstance(val, bytes) and len(val) > 16 else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A module without a kind fails the collection; order is unit, integration, e2e."""
    nameless = sorted(
        {item.location[0] for item in items if not KINDS & {mark.name for mark in item.iter_markers()}}
    )
    if nameless:
        raise pytest.UsageError(
            "these test modules do not say unit, integration or e2e (pytestmark): " + ", ".join(nameless)
        )
    order = ["unit", "integration", "e2e"]

    def place(item: pytest.Item) -> int:
        return next(order.index(mark.name) for mark in item.iter_markers() if mark.name in KINDS)

    items.sort(key=place)
