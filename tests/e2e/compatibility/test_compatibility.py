"""The second tested row: Debian 13's Kamailio and rtpengine."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from callseal.lab.rootfs import COMPATIBILITY
from tests.support.stage import Stage, keys_heard, voices_flow

pytestmark = [pytest.mark.e2e, pytest.mark.compat]


@pytest.fixture(scope="module", params=["two", "one"])
def older(request: pytest.FixtureRequest, open_stage: Callable[..., Stage]) -> Stage:
    return open_stage(suite=COMPATIBILITY, settings={"anchors": f'"{request.param}"'})


@pytest.mark.parametrize("method", ["rfc4733", "info"])
def test_a_paid_call(older: Stage, method: str) -> None:
    call = older.call(method)
    call.dial()
    older.ear.mark("press")
    assert call.pay()["result"]["outcome"] == "approved"
    older.ear.mark("restored")
    assert keys_heard(older, "press", "restored") == 0
    voices_flow(older)
    call.hang_up()


def test_in_band_keys_do_not_reach_the_agent(older: Stage) -> None:
    call = older.call()
    call.dial()
    call.secure()
    older.ear.mark("secured")
    older.customer.press("4242", "inband", duration_ms=120, gap_ms=120)
    older.ear.mark("end")
    assert keys_heard(older, "secured", "end") == 0
    call.release()
    call.hang_up()
