"""An rtpengine that does not come to its turn for a moment, where no other could take its place, is waited for."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.integration.router.rig import Rig
from tests.integration.router.story import NUMBER
from tests.support.sip_peer import Dialog

pytestmark = [pytest.mark.integration, pytest.mark.compat]

MOMENT_S = 0.9
"""More than two time-outs of router/modules.cfg, less than four."""


@contextmanager
def held_up(rig: Rig, seconds: float) -> Iterator[None]:
    os.killpg(rig.rtpengine.pid, signal.SIGSTOP)
    timer = threading.Timer(seconds, os.killpg, (rig.rtpengine.pid, signal.SIGCONT))
    timer.start()
    try:
        yield
    finally:
        timer.join()


def test_a_moment_of_a_busy_node_costs_no_call(rig: Rig) -> None:
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    with held_up(rig, MOMENT_S):
        cseq = carrier.request("INVITE", sdp=rig.customer_media.sdp())
        invite = rig.partner.expect_request("INVITE", timeout_s=3)
    rig.partner.reply(invite, 486, tag="x")
    assert carrier.answered(cseq).status == 486
    carrier.ack(cseq)
    assert "timeout waiting reply" not in rig.kamailio.log_text()
