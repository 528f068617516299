"""A paid call over TLS, on both tested rows: partner and platform always, the carrier over UDP on one and over TLS on the other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from callseal.lab.rootfs import BASELINE, COMPATIBILITY
from tests.support.stage import Stage

pytestmark = [pytest.mark.e2e, pytest.mark.compat]

WORLDS = {
    BASELINE: frozenset({"partner", "platform"}),
    COMPATIBILITY: frozenset({"carrier", "partner", "platform"}),
}


@pytest.fixture(scope="module", params=WORLDS)
def encrypted(request: pytest.FixtureRequest, open_stage: Callable[..., Stage]) -> Stage:
    return open_stage(suite=request.param, tls=WORLDS[request.param])


def test_a_paid_call(encrypted: Stage) -> None:
    call = encrypted.call()
    call.dial()
    encrypted.ear.mark("press")
    assert call.pay()["result"]["outcome"] == "approved"
    encrypted.ear.mark("restored")
    heard = encrypted.ear.heard("press", "restored")
    assert heard.listened, heard
    assert heard.clean, heard
    call.hang_up()
