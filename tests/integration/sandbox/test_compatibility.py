"""The same call on the second tested row: Debian 13's rtpengine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from callseal.lab.rootfs import COMPATIBILITY, Rootfs
from tests.integration.sandbox.rig import AGENT_VOICE, CUSTOMER_VOICE, Rig, running

pytestmark = [pytest.mark.integration, pytest.mark.compat]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running(tmp_path_factory.mktemp("older"), Rootfs.build(COMPATIBILITY)) as up:
        yield up


@pytest.mark.parametrize("order", [("agent", "customer"), ("customer", "agent")])
def test_a_paid_call(rig: Rig, order: tuple[str, str]) -> None:
    rig.switch(reinvite_order=f"{order[0]}-first")
    call = rig.call()
    call.secure(order=order)
    call.post("capture", {"fields": ["card_number", "expiry", "security_code"]})
    call.wait("capture.started")
    call.agent_voice.clear()
    call.customer_voice.press("4242424242424242" + "1230" + "123")
    call.wait("capture.completed")
    call.customer_voice.whistle("4242")
    assert call.agent_voice.hears(CUSTOMER_VOICE)
    assert (call.agent_voice.events(), call.agent_voice.tones()) == (0, 0)
    call.post("charge", {"amount": 4250, "currency": "GBP", "reference": "order-1"})
    assert call.wait("charge.approved")["last4"] == "4242"
    call.release(order=order)
    assert call.customer_voice.hears(AGENT_VOICE)
    call.hang_up()
