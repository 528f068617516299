"""Kamailio ends soon, whatever one of its processes does: an edge that is half dead takes calls and serves none."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.integration.router.conftest import MakeRig
from tests.integration.router.rig import Rig
from tests.integration.router.story import inbound

pytestmark = [pytest.mark.integration, pytest.mark.compat, pytest.mark.timeout(120)]

SOON_S = 5.0
"""`exit_timeout` of the configuration is 3 s; by itself Kamailio waits a minute."""


def workers(rig: Rig) -> list[int]:
    """The pids of what hears SIP over UDP."""
    said = rig.rpc("core.ps")  # pid, name, pid, name...
    return [int(pid) for pid, name in zip(said[::2], said[1::2], strict=True) if "udp receiver" in name]


def ends_soon_and_comes_back(rig: Rig) -> None:
    began = time.monotonic()
    assert rig.kamailio.process is not None
    rig.kamailio.process.wait(90)
    assert time.monotonic() - began < SOON_S
    rig.kamailio.restart()
    rig.fresh()
    inbound(rig).hang_up()


def test_told_to_end_it_does_not_wait_for_a_worker_that_hangs(make_rig: MakeRig) -> None:
    rig = make_rig()
    hanging = workers(rig)[0]
    os.kill(hanging, signal.SIGSTOP)
    # Kamailio keeps one signal at a time: that a child has stopped would wipe out what comes with it.
    time.sleep(0.5)
    rig.kamailio.terminate()
    ends_soon_and_comes_back(rig)
    assert not Path(f"/proc/{hanging}").exists()


def test_a_worker_that_died_takes_one_that_hangs_with_it(make_rig: MakeRig) -> None:
    """As when it dies with a lock that the other waits for."""
    rig = make_rig()
    hanging, dying = workers(rig)[:2]
    os.kill(hanging, signal.SIGSTOP)
    os.kill(dying, signal.SIGKILL)
    ends_soon_and_comes_back(rig)
    assert not Path(f"/proc/{hanging}").exists()
